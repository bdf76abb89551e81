import type { Fault } from './faults.ts'
import type { Options } from './options.ts'
import { simulate, type Outcome } from './simulation.ts'

const runsMax = 120

/**
 * The shortest list of faults found that still breaks the same invariant. Faults are timed
 * absolutely and the rest of the seed stays, so what is left out leaves the others where they were.
 */
export async function shrink(failed: Outcome): Promise<Outcome> {
  const invariant = failed.violations[0]?.invariant
  if (invariant === undefined) return failed
  let best = failed
  let runs = 0

  async function stillFails(options: Options): Promise<boolean> {
    if (runs++ >= runsMax) return false
    const outcome = await simulate(options)
    if (!outcome.violations.some((one) => one.invariant === invariant)) return false
    best = outcome
    return true
  }

  for (let size = best.options.faults.length; size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.options.faults.length;) {
      const faults = without(best.options.faults, at, size)
      if (!(await stillFails({ ...best.options, faults }))) at += size
    }
  }
  for (const one of best.options.sends) {
    const sends = best.options.sends.filter((other) => other !== one)
    await stillFails({ ...best.options, sends })
  }
  await stillFails({ ...best.options, cancels: [] })
  return best
}

const without = (faults: readonly Fault[], at: number, count: number): readonly Fault[] => [
  ...faults.slice(0, at),
  ...faults.slice(at + count),
]
