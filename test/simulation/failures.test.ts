import { describe, expect, test } from 'vitest'
import type { Fault } from './faults.ts'
import { drawOptions, type Options } from './options.ts'
import { simulate } from './simulation.ts'

/** Every failure that a seed found, shrunk to what it takes (docs/failures.md). */
async function broken(seed: number, faults: readonly Fault[], over: Partial<Options> = {}) {
  const { violations } = await simulate({ ...drawOptions(seed), ...over, faults })
  return violations
}

describe('F1: a clock that is set, and set right again', () => {
  const hour = 3_600_000
  test.each([
    [81, { kind: 'clock', atMs: 7324, on: 'host-2', forMs: 25_754, byMs: hour }],
    [157, { kind: 'clock', atMs: 42_409, on: 'host-1', forMs: 9543, byMs: 24 * hour }],
    [281, { kind: 'clock', atMs: 24_525, on: 'host-1', forMs: 35_890, byMs: 24 * hour }],
    [284, { kind: 'clock', atMs: 66_813, on: 'host-1', forMs: 7528, byMs: hour }],
    [296, { kind: 'clock', atMs: 1026, on: 'host-1', forMs: 10_897, byMs: hour }],
  ] as const)('holds up no lease, no renewal and no timer (seed %i)', async (seed, fault) => {
    expect(await broken(seed, [fault])).toEqual([])
  })
})
