/** All that is random in an input, from one number: the same seed makes the same inputs. */
export interface Chance {
  /** An integer in [0, below). */
  int(below: number): number
  pick<T>(from: readonly T[]): T
  /** True once in `n`. */
  oneIn(n: number): boolean
}

/** mulberry32: small, and the same everywhere. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (below: number): number => Math.floor(next() * below)
  return {
    int,
    pick(from) {
      const picked = from[int(from.length)]
      if (picked === undefined && from.length === 0) throw new RangeError('nothing to pick from')
      return picked as (typeof from)[number] // the index is within
    },
    oneIn: (n) => int(n) === 0,
  }
}
