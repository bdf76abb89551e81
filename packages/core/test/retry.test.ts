import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { waitMsMax } from '../src/fault.ts'
import { defaultRetry, delayMs, jitterOf, retryPolicy, type RetryPolicy } from '../src/retry.ts'
import { sha256 as hash } from './sha256.ts'

const wait = fc.oneof(fc.nat(1000), fc.nat(waitMsMax), fc.constant(waitMsMax))
const shared = {
  maxAttempts: fc.integer({ min: 1, max: 1000 }),
  jitter: fc.constantFrom('full', 'none'),
}
const policy: fc.Arbitrary<RetryPolicy> = fc
  .oneof(
    fc.record({ kind: fc.constant('fixed'), delayMs: wait, ...shared }),
    fc.record({ kind: fc.constant('linear'), stepMs: wait, capMs: wait, ...shared }),
    fc.record({
      kind: fc.constant('exponential'),
      baseMs: wait,
      factor: fc.double({ min: 1, max: 100, noNaN: true }),
      capMs: wait,
      ...shared,
    }),
    fc.record({ kind: fc.constant('immediate'), ...shared }),
    fc.record({ kind: fc.constant('svix'), ...shared }),
    fc.record({
      kind: fc.constant('list'),
      delaysMs: fc.array(wait, { minLength: 1, maxLength: 20 }),
      ...shared,
    }),
  )
  .map((input) => retryPolicy.parse(input))
const attempt = fc.integer({ min: 1, max: 1000 })
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const planned = (of: RetryPolicy, n: number): number => delayMs({ ...of, jitter: 'none' }, n, 0)

describe('laws', () => {
  test('a delay is a whole number between 0 and 30 days, at least what was asked for, at most what was planned', () => {
    fc.assert(
      fc.property(
        policy,
        attempt,
        chance,
        fc.oneof(fc.constant(0), wait),
        (of, n, jitter, afterMs) => {
          const delay = delayMs(of, n, jitter, afterMs)
          expect(Number.isSafeInteger(delay)).toBe(true)
          expect(delay).toBeGreaterThanOrEqual(afterMs)
          expect(delay).toBeLessThanOrEqual(Math.max(afterMs, planned(of, n)))
          expect(delay).toBeLessThanOrEqual(waitMsMax)
        },
      ),
    )
  })

  test('growing policies never shrink, and never pass their cap', () => {
    fc.assert(
      fc.property(policy, attempt, (of, n) => {
        fc.pre(of.kind === 'linear' || of.kind === 'exponential')
        expect(planned(of, n + 1)).toBeGreaterThanOrEqual(planned(of, n))
        expect(planned(of, n)).toBeLessThanOrEqual(of.capMs)
      }),
    )
  })

  test('more chance is never less delay, and full jitter reaches both ends', () => {
    fc.assert(
      fc.property(policy, attempt, chance, chance, (of, n, a, b) => {
        expect(delayMs(of, n, Math.min(a, b))).toBeLessThanOrEqual(delayMs(of, n, Math.max(a, b)))
        if (of.jitter === 'none') return
        expect(delayMs(of, n, 0)).toBe(0)
        expect(delayMs(of, n, 1 - 2 ** -53)).toBe(planned(of, n))
      }),
    )
  })

  test('a policy that was parsed parses to itself', () => {
    fc.assert(
      fc.property(policy, (of) => {
        expect(retryPolicy.parse(of)).toEqual(of)
      }),
    )
  })
})

test.each<[string, object, number[]]>([
  ['fixed', { kind: 'fixed', delayMs: 700 }, [700, 700, 700]],
  ['linear', { kind: 'linear', stepMs: 100, capMs: 250 }, [100, 200, 250, 250]],
  ['exponential', { kind: 'exponential' }, [1000, 2000, 4000, 8000, 16_000]],
  [
    'exponential, capped at 5 min',
    { kind: 'exponential', baseMs: 100_000 },
    [100_000, 200_000, 300_000, 300_000],
  ],
  ['exponential by halves', { kind: 'exponential', baseMs: 3, factor: 1.5 }, [3, 4, 6, 10]],
  ['immediate', { kind: 'immediate' }, [0, 0]],
  [
    'svix',
    { kind: 'svix' },
    [5000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 36_000_000],
  ],
  ['list', { kind: 'list', delaysMs: [5, 0, 9] }, [5, 0, 9, 9]],
])('%s', (_name, input, delays) => {
  const of = retryPolicy.parse({ ...input, jitter: 'none' })
  expect(delays.map((_, i) => delayMs(of, i + 1, 0.5))).toEqual(delays)
})

describe('maxAttempts', () => {
  test.each<[object, number]>([
    [{ kind: 'fixed', delayMs: 1 }, 5],
    [{ kind: 'svix' }, 8],
    [{ kind: 'svix', maxAttempts: 3 }, 3],
    [{ kind: 'svix', maxAttempts: 99 }, 8],
    [{ kind: 'list', delaysMs: [1, 2] }, 3],
    [{ kind: 'list', delaysMs: [1, 2], maxAttempts: 2 }, 2],
    [{ kind: 'list', delaysMs: [1, 2], maxAttempts: 9 }, 3],
  ])('%j has %i', (input, attempts) => expect(retryPolicy.parse(input).maxAttempts).toBe(attempts))

  test('the default is rule 4.2', () => {
    expect(defaultRetry).toEqual({
      kind: 'exponential',
      baseMs: 1000,
      factor: 2,
      capMs: 300_000,
      maxAttempts: 5,
      jitter: 'full',
    })
  })
})

test.each([
  {},
  { kind: 'fixed' },
  { kind: 'fixed', delayMs: -1 },
  { kind: 'fixed', delayMs: 0.5 },
  { kind: 'fixed', delayMs: waitMsMax + 1 },
  { kind: 'fixed', delayMs: 1, capMs: 2 },
  { kind: 'exponential', factor: 0.5 },
  { kind: 'list', delaysMs: [] },
  { kind: 'immediate', maxAttempts: 0 },
  { kind: 'fibonacci' },
])('%j is refused', (input) => expect(retryPolicy.safeParse(input).success).toBe(false))

describe('jitterOf', () => {
  test('is chance, but the same for everybody who asks', () => {
    expect(jitterOf(hash, '1-3-ab', 1)).toBe(
      Number.parseInt(hash.text('6:1-3-ab1:1').slice(0, 12), 16) / 2 ** 48,
    )
    fc.assert(
      fc.property(fc.string(), attempt, (id, n) => {
        const value = jitterOf(hash, id, n)
        expect(value).toBe(jitterOf(hash, id, n))
        expect(value).not.toBe(jitterOf(hash, id, n + 1))
        expect(value >= 0 && value < 1).toBe(true)
      }),
    )
  })

  test('spreads evenly', () => {
    const values = Array.from({ length: 10_000 }, (_, i) => jitterOf(hash, `d${i}`, 1))
    for (let tenth = 0; tenth < 10; tenth++) {
      const count = values.filter((value) => Math.floor(value * 10) === tenth).length
      expect(count).toBeGreaterThan(880)
      expect(count).toBeLessThan(1120)
    }
  })
})
