import type { Rule } from '@waybill/core'

/** How many waited at a time. */
export interface Sample {
  readonly at: number
  readonly waiting: number
}

export type Drain =
  | { readonly kind: 'empty' }
  /** Not looked at for long enough. */
  | { readonly kind: 'measuring' }
  | { readonly kind: 'draining'; readonly perSecond: number; readonly ms: number }
  | { readonly kind: 'growing'; readonly perSecond: number }
  | { readonly kind: 'steady' }

export const windowMs = 60_000
const spanMs = 4000
/** Slower than one in five minutes is not called moving. */
const stillPerSecond = 1 / 300

/** What was seen within the last minute, and the newest. */
export const withSample = (samples: readonly Sample[], sample: Sample): readonly Sample[] => [
  ...samples.filter(({ at }) => at > sample.at - windowMs && at < sample.at),
  sample,
]

/**
 * When the line will be empty if it goes on as in the last minute: the slope of all samples, not of
 * the first and last, since a line moves in jumps.
 */
export function drainOf(samples: readonly Sample[]): Drain {
  const [first, last] = [samples[0], samples.at(-1)]
  if (first === undefined || last === undefined) return { kind: 'measuring' }
  if (last.waiting === 0) return { kind: 'empty' }
  if (samples.length < 3 || last.at - first.at < spanMs) return { kind: 'measuring' }
  const perSecond = slope(samples) * 1000
  if (Math.abs(perSecond) < stillPerSecond) return { kind: 'steady' }
  if (perSecond > 0) return { kind: 'growing', perSecond }
  return { kind: 'draining', perSecond: -perSecond, ms: (last.waiting / -perSecond) * 1000 }
}

/** Least squares. */
function slope(samples: readonly Sample[]): number {
  const middle = (of: (one: Sample) => number): number =>
    samples.reduce((sum, one) => sum + of(one), 0) / samples.length
  const at = middle((one) => one.at)
  const waiting = middle((one) => one.waiting)
  const along = samples.reduce((sum, one) => sum + (one.at - at) * (one.waiting - waiting), 0)
  const across = samples.reduce((sum, one) => sum + (one.at - at) ** 2, 0)
  return along / across
}

/** The least time that the rule alone allows, with nothing new coming; undefined: it says nothing. */
export function atBestMs(
  rule: Rule,
  ledgers: readonly { readonly waiting: number }[],
): number | undefined {
  if (rule.kind !== 'throttle') return undefined
  const longest = Math.max(0, ...ledgers.map(({ waiting }) => waiting))
  return longest === 0 ? undefined : Math.ceil(longest / rule.max) * rule.periodMs
}
