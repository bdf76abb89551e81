import type { Manifest } from '@waybill/core'
import type { History } from '../history.ts'
import { type ActionGraph, createCanvas } from './canvas.ts'
import { drawDispatch, triggerId } from './draw-dispatch.ts'

/** The manifest of a binding key where it is known: it says what its predicate is. */
export type Manifests = (binding: string) => Manifest | undefined

/**
 * What led to what, from the entries of a dispatch or of all dispatches of a chain. A pure fold:
 * the same entries give the same graph, and later ones only add to it.
 */
export function actionGraph(histories: readonly History[], manifests: Manifests): ActionGraph {
  const canvas = createCanvas()
  const drawn = histories.map((history) => drawDispatch(canvas, history, manifests))
  const lastAttempts = new Map(drawn.map(({ id, lastAttempt }) => [id, lastAttempt]))
  for (const { event, parent } of drawn) {
    const trigger = event === undefined ? undefined : triggerId(event)
    const cause = parent === undefined ? undefined : lastAttempts.get(parent)
    // An attempt that was lost told nobody what it had sent; the event itself says who sent it.
    if (trigger && cause && !canvas.hasEdgeTo(trigger, 'caused')) {
      canvas.edge(cause, trigger, 'caused')
    }
  }
  return canvas.graph()
}
