import {
  acceptEvent,
  type AttemptRun,
  type EventDraft,
  type Manifest,
  type Plain,
  type WaybillEvent,
} from '@waybill/core'
import { sha256 } from '@waybill/log'
import type { App } from '../src/index.ts'

export const t0 = Date.UTC(2026, 0, 31, 12)

export function eventOf(type: string, data: unknown, more: Partial<EventDraft> = {}): WaybillEvent {
  const door = { hash: sha256, generation: 1, slots: 1, now: t0 }
  return acceptEvent({ type, source: 'test', data: data as Plain, ...more }, door).event
}

export function manifestOf(app: App, id: string, version = 1): Manifest {
  const definition = app.definitions.find((one) => one.id === id)
  if (!definition) throw new Error(`no binding ${id}`)
  return { ...definition, version }
}

export interface Sent {
  readonly drafts: EventDraft[]
}

export function attemptOf(
  event: WaybillEvent,
  more: Partial<AttemptRun<AbortSignal>> = {},
): AttemptRun<AbortSignal> & Sent {
  const drafts: EventDraft[] = []
  return {
    dispatch: 'd',
    event,
    attempt: 1,
    idempotencyKey: 'd',
    fencingToken: 'd:1:1',
    deadline: t0 + 30_000,
    signal: new AbortController().signal,
    drafts,
    async send(draft) {
      drafts.push(draft)
      return `e${drafts.length}`
    },
    ...more,
  }
}
