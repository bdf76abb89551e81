import type { Manifest } from '@waybill/core'
import type { History } from '../history.ts'
import { type ActionGraph, type Canvas, createCanvas } from './canvas.ts'
import { drawDispatch, type Drawn } from './draw-dispatch.ts'
import { deadId, triggerId } from './pen.ts'

/** The manifest of a binding key where it is known: it says what its predicate and limits are. */
export type Manifests = (binding: string) => Manifest | undefined
/** What became of a dead letter; undefined: it is not known to be one. */
export type Deaths = (dispatch: string) => string | undefined

/**
 * What led to what, from the entries of a dispatch or of all dispatches of a chain. A pure fold:
 * the same entries give the same graph, and later ones only add to it.
 */
export function actionGraph(
  histories: readonly History[],
  manifests: Manifests,
  deaths: Deaths = () => undefined,
): ActionGraph {
  const canvas = createCanvas()
  const drawn = histories.map((history) => drawDispatch(canvas, history, manifests))
  const byId = new Map(drawn.map((one) => [one.id, one]))
  for (const one of drawn) {
    linkCause(canvas, one, byId)
    linkAgain(canvas, one, byId)
    const status = deaths(one.id)
    if (status !== undefined) canvas.change(deadId(one.id), { status })
  }
  return canvas.graph()
}

type ById = ReadonlyMap<string, Drawn>

function linkCause(canvas: Canvas, { event, parent }: Drawn, byId: ById): void {
  const trigger = event === undefined ? undefined : triggerId(event)
  const cause = parent === undefined ? undefined : byId.get(parent)?.lastAttempt
  // An attempt that was lost told nobody what it had sent; the event itself says who sent it.
  if (trigger && cause && !canvas.hasEdgeTo(trigger, 'caused')) {
    canvas.edge(cause, trigger, 'caused')
  }
}

/** What runs again hangs on the end of what it runs again, which may be known by name only. */
function linkAgain(canvas: Canvas, { rerunOf, redriven, first }: Drawn, byId: ById): void {
  if (rerunOf === undefined || first === undefined) return
  const known = byId.get(rerunOf)?.last
  const id = known ?? (redriven ? deadId(rerunOf) : `dispatch:${rerunOf}`)
  const kind = redriven ? 'dlq' : 'dispatch'
  const label = redriven ? 'redriven' : 'run again'
  canvas.offer({ id, kind, label, status: 'ended', metadata: { dispatch: rerunOf }, seq: 0 })
  canvas.edge(id, first, redriven ? 'redrive' : 'replay_chain')
}
