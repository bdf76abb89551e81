import { describe, expect, test } from 'vitest'
import type { Fault } from './faults.ts'
import { drawOptions, type Options } from './options.ts'
import { simulate } from './simulation.ts'

/**
 * Every failure that a seed found, shrunk to what it takes (docs/failures.md). Those of before readers
 * had a hand are run without one, as they were found.
 */
async function broken(seed: number, faults: readonly Fault[], over: Partial<Options> = {}) {
  const { violations } = await simulate({ ...drawOptions(seed), handMs: 0, ...over, faults })
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

test('F3: a clock that is set while the server is asked for its time is seen to be set', async () => {
  const early = [
    { kind: 'cut-off', atMs: 17_684, on: 'host-1', forMs: 48_708 },
    { kind: 'clock', atMs: 58_778, on: 'host-1', forMs: 23_048, byMs: 5000 },
  ] as const
  expect(await broken(1614, early)).toEqual([])
  const day = [
    { kind: 'cut-off', atMs: 15_044, on: 'host-2', forMs: 47_443 },
    { kind: 'clock', atMs: 61_405, on: 'host-2', forMs: 29_400, byMs: 86_400_000 },
  ] as const
  expect(await broken(1617, day)).toEqual([])
})

describe('a leader of the past that still answers', () => {
  test('F4: halts no partition that is being opened', async () => {
    const stale = { kind: 'stale', atMs: 4094, forMs: 8478, share: 0.6 } as const
    expect(await broken(2438, [stale])).toEqual([])
    const stop = { kind: 'stop', atMs: 38_437, on: 'host-1', forMs: 3982 } as const
    expect(await broken(2642, [{ ...stale, atMs: 34_676, forMs: 9614 }, stop])).toEqual([])
  })

  test('F5: makes no host take its own bundle for another’s', async () => {
    const faults = [
      { kind: 'wire', atMs: 7393, forMs: 10_734, what: 'ack-lost', share: 0.3 },
      { kind: 'stale', atMs: 11_465, forMs: 10_555, share: 0.6, on: 'host-2' },
    ] as const
    expect(await broken(4315, faults)).toEqual([])
  })
})

describe('F2: a power cut under a reader that lives', () => {
  test.each([6, 165, 198])('halts what was read and is gone (seed %i)', async (seed) => {
    expect((await simulate({ ...drawOptions(seed), handMs: 0 })).violations).toEqual([])
  })
})

test('F6: a lease that could not be given back is free when it has lapsed', async () => {
  const faults = [
    { kind: 'wire', atMs: 6823, forMs: 13_822, what: 'busy', share: 0.7 },
    { kind: 'clock', atMs: 30_797, on: 'host-2', forMs: 22_724, byMs: 86_400_000 },
    { kind: 'leases', atMs: 34_323, forMs: 30_837 },
  ] as const
  expect(await broken(7579, faults)).toEqual([])
})

test('F7: a place that is freed while an event is read again is given on', async () => {
  const faults = [
    { kind: 'wire', atMs: 1650, forMs: 8208, what: 'lost', share: 0.1, on: 'host-2' },
    { kind: 'wire', atMs: 5300, forMs: 8627, what: 'late', share: 0.7 },
  ] as const
  expect(await broken(26_363, faults, { redeploy: undefined })).toEqual([])
})

test('F8: the snapshot that the last bundle names is kept, whatever that bundle records', async () => {
  expect(await broken(43_226, [])).toEqual([])
})

test('F11: what a leader of the past does not know yet is not gone', async () => {
  expect((await simulate(drawOptions(30))).violations).toEqual([])
})

test('F12: what retention took from between two letters is not missed', async () => {
  expect((await simulate(drawOptions(49))).violations).toEqual([])
})

test('C1: what a reader brings after it was replaced is not taken', async () => {
  const { sends, handMs } = drawOptions(295)
  expect(handMs).toBeGreaterThan(0)
  const faults = [{ kind: 'stop', atMs: 3294, on: 'host-2', forMs: 9182 }] as const
  expect(await broken(295, faults, { sends, handMs })).toEqual([])
})

test.each([5723, 6132, 20_836, 65_045])(
  'F14: a leader that lives through a power cut looks at what it builds upon (seed %i)',
  async (seed) => {
    expect((await simulate(drawOptions(seed))).violations).toEqual([])
  },
)

test.each([21_664, 24_993])(
  'F16: in a journal whose beginning is gone a letter that comes again is no hole (seed %i)',
  async (seed) => {
    expect((await simulate(drawOptions(seed))).violations).toEqual([])
  },
)

test('F17: retention cannot know of what is not stored yet', async () => {
  expect((await simulate(drawOptions(26_083))).violations).toEqual([])
})

test.each([3038])(
  'F15: what a pause held back is given whole, if a change of definitions parts a message (seed %i)',
  async (seed) => {
    expect((await simulate(drawOptions(seed))).violations).toEqual([])
  },
)
