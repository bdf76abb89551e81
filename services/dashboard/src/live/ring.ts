import type { LiveBundle } from '@waybill/projections'

/** The newest bundles of the journal's stream, without a hole between them. */
export interface Ring {
  /** Last sequence that was put in; what was there at the beginning counts as put in. */
  readonly last: number
  push(bundle: LiveBundle): void
  /** Goes on from here; what lies between is not known. */
  skipTo(seq: number): void
  /** Those after this sequence; undefined: they are not all kept. */
  after(seq: number): readonly LiveBundle[] | undefined
}

/** Transitions that are kept: a bundle may hold one of them, or a thousand. */
const transitionsMax = 20_000
const bundlesMax = 10_000

export function createRing(start: number): Ring {
  let bundles: LiveBundle[] = []
  let transitions = 0
  let last = start
  return {
    get last() {
      return last
    },
    push(bundle) {
      bundles.push(bundle)
      transitions += bundle.transitions.length
      last = bundle.seq
      while (bundles.length > bundlesMax || transitions > transitionsMax) {
        transitions -= bundles.shift()?.transitions.length ?? 0
      }
    },
    skipTo(seq) {
      bundles = []
      transitions = 0
      last = seq
    },
    after(seq) {
      const first = bundles[0]?.seq ?? last + 1
      return seq < first - 1 ? undefined : bundles.slice(seq - first + 1)
    },
  }
}
