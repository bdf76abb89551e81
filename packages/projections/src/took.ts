/**
 * Durations are counted by class, so that minutes can be added up and a percentile is still known
 * within a fifth: class n ends at 2^(n/2) ms.
 */
const perDoubling = 2

export const tookClass = (ms: number): number =>
  Math.max(0, Math.ceil(Math.log2(Math.max(1, ms)) * perDoubling))

/** The class's geometric middle, ms. */
const middleOf = (of: number): number => Math.round(2 ** ((of - 0.5) / perDoubling))

/** The duration below which this share of them lies; undefined: there are none. */
export function percentile(counts: ReadonlyMap<number, number>, share: number): number | undefined {
  const classes = [...counts].sort(([a], [b]) => a - b)
  let left = share * classes.reduce((sum, [, count]) => sum + count, 0)
  for (const [of, count] of classes) {
    left -= count
    if (left <= 0) return middleOf(of)
  }
  return undefined
}
