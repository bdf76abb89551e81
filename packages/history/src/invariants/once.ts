import { limits, type InputOf } from '@waybill/core'
import type { Invariant } from '../invariant.ts'

export const once: Invariant = {
  name: 'once',
  law: 'I1',
  holds: 'an event counts as new once within the window of dedupe',
  of: 'partition',
  watch() {
    const seen = new Map<string, number>()
    return {
      fact({ kind }, { entry: { at, input } }, complain) {
        if (kind !== 'event.seen') return
        const { id } = (input as InputOf<'event'>).head // only events are seen
        const first = seen.get(id)
        if (first !== undefined && at - first < limits.dedupeWindowMs) {
          complain('event.once', `${id} counts as new a second time`)
        }
        seen.delete(id)
        seen.set(id, at)
        forget(seen, at - 2 * limits.dedupeWindowMs)
      },
    }
  },
}

/** Oldest first, as they were put in. */
export function forget(seen: Map<string, number>, before: number): void {
  for (const [id, at] of seen) {
    if (at > before) return
    seen.delete(id)
  }
}
