import type { LiveBundle, LiveTransition } from '@waybill/core'

/** One transition, with the journal that told of it. */
export interface LiveStep extends LiveTransition {
  readonly app: string
  readonly slot: number
  readonly seq: number
}

/** What listeners are given at once. */
export interface LiveBatch {
  readonly steps: readonly LiveStep[]
  /** Left out: earlier steps of dispatches that are in it, and what the server left out. */
  readonly folded: number
}

/** Beyond this many transitions a second nobody reads them, and drawing each costs frames. */
export const conflateAbovePerSecond = 600
const conflatedMs = 100

/** How long to gather before the next batch: a frame, or 100 ms when much is going on. */
export const paceMs = (perSecond: number): number =>
  perSecond > conflateAbovePerSecond ? conflatedMs : 0

export const stepsOf = (bundle: LiveBundle): LiveStep[] =>
  bundle.transitions.map((one) => ({
    ...one,
    app: bundle.app,
    slot: bundle.slot,
    seq: bundle.seq,
  }))

/**
 * The latest step of each dispatch, in the order in which those came. A dispatch that began within
 * the batch still counts as new: its `from` stays null.
 */
export function conflate(steps: readonly LiveStep[]): LiveBatch {
  const last = new Map<string, LiveStep>()
  for (const step of steps) {
    const before = last.get(step.dispatch)
    last.delete(step.dispatch)
    last.set(step.dispatch, before?.from === null ? { ...step, from: null } : step)
  }
  return { steps: [...last.values()], folded: steps.length - last.size }
}

/** Transitions a second, over a window that slides in tenths of it. */
export function createRate(windowMs = 1000) {
  const buckets = new Map<number, number>()
  const width = windowMs / 10
  return {
    add(many: number, now: number): void {
      const at = Math.floor(now / width)
      buckets.set(at, (buckets.get(at) ?? 0) + many)
    },
    perSecond(now: number): number {
      const from = Math.floor(now / width) - 10
      let sum = 0
      for (const [at, many] of buckets) {
        if (at <= from) buckets.delete(at)
        else sum += many
      }
      return (sum * 1000) / windowMs
    },
  }
}
