import type { Manifest } from '@waybill/core'
import type { GateWord } from '../gates.ts'
import type { Canvas, EdgeKind } from './canvas.ts'

/** Where the dispatch stands: the node that leads on, and what kind of edge that will be. */
export interface Pen {
  readonly canvas: Canvas
  readonly id: string
  binding: string
  manifest: Manifest | undefined
  at: string | undefined
  /** The node after the trigger. */
  first: string | undefined
  leads: EdgeKind
  attempt: number
  /** What its limits say in this step. */
  words: readonly GateWord[]
}

export const createPen = (canvas: Canvas, id: string): Pen => ({
  canvas,
  id,
  binding: '',
  manifest: undefined,
  at: undefined,
  first: undefined,
  leads: 'trigger_dispatch',
  attempt: 0,
  words: [],
})

/** @param arrives the kind of the edge to the new node, where the old one does not decide it */
export function moveTo(pen: Pen, id: string, leads: EdgeKind, arrives: EdgeKind = pen.leads): void {
  if (pen.at !== undefined) pen.canvas.edge(pen.at, id, arrives)
  pen.at = id
  pen.first ??= id
  pen.leads = leads
}

export const triggerId = (event: string): string => `trigger:${event}`
export const attemptId = ({ id, attempt }: Pick<Pen, 'id' | 'attempt'>): string =>
  `dispatch:${id}:${attempt}`
export const deadId = (dispatch: string): string => `dlq:${dispatch}`
export const skipId = (dispatch: string): string => `skip:${dispatch}`
