import type { Tally } from './campaign.ts'
import { succeededShare } from './campaign.ts'
import { laws } from '@waybill/history'
import type { Outcome } from './simulation.ts'

export function summaryOf(tally: Tally, ms: number): object {
  const { seeds, failed, virtualMs, faults, ends, acknowledged, steps } = tally
  return {
    seeds,
    violations: failed.length,
    failed: failed.slice(0, 20).map(({ seed, violations }) => ({ seed, ...violations[0] })),
    succeededShare: Number(succeededShare(tally).toFixed(3)),
    virtualSeconds: Math.round(virtualMs / 1000),
    faults,
    ends,
    acknowledged,
    steps,
    seconds: Number((ms / 1000).toFixed(1)),
    seedsPerSecond: Math.round((seeds * 1000) / ms),
  }
}

/** A failure as somebody else needs it: what broke, under which options, by which faults. */
export function failureOf({ options, violations }: Outcome): object {
  const [first] = violations
  return {
    invariant: first && `${first.invariant}: ${laws[first.invariant]}`,
    what: violations.slice(0, 5).map(({ invariant, what }) => `${invariant} ${what}`),
    seed: options.seed,
    faults: options.faults,
    sends: options.sends.length,
    cancels: options.cancels.length,
  }
}
