import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { atBestMs, drainOf, type Sample, windowMs, withSample } from '../src/pages/flow/drain.ts'

/** `waiting` at each of these seconds. */
const line = (of: (second: number) => number, seconds = 30): readonly Sample[] =>
  Array.from({ length: seconds / 2 + 1 }, (_, index) => ({
    at: 1_000_000 + index * 2000,
    waiting: of(index * 2),
  }))

describe('when a line will be empty', () => {
  test('it goes on as in the last minute', () => {
    expect(drainOf(line((second) => 100 - 2 * second))).toEqual({
      kind: 'draining',
      perSecond: expect.closeTo(2) as number,
      ms: expect.closeTo(20_000) as number,
    })
  })

  test('one that grows has no end', () => {
    expect(drainOf(line((second) => 10 + 3 * second))).toEqual({
      kind: 'growing',
      perSecond: expect.closeTo(3) as number,
    })
  })

  test('one that does not move, and one that is empty, say so', () => {
    expect(drainOf(line(() => 7))).toEqual({ kind: 'steady' })
    expect(drainOf(line((second) => (second === 30 ? 0 : 9)))).toEqual({ kind: 'empty' })
  })

  test('nothing is said before it was looked at for a while', () => {
    expect(drainOf([])).toEqual({ kind: 'measuring' })
    expect(drainOf(line((second) => 100 - second, 2))).toEqual({ kind: 'measuring' })
  })

  test('jumps of a batch do not turn the answer round', () => {
    const kinds = line((second) => 100 - 10 * Math.floor(second / 5))
    expect(drainOf(kinds).kind).toBe('draining')
  })
})

test('samples are of the last minute, in the order of their times, each once', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(300_000), { minLength: 1 }), (times) => {
      let samples: readonly Sample[] = []
      for (const at of times) samples = withSample(samples, { at, waiting: 1 })
      const last = samples.at(-1)?.at ?? 0
      expect(last).toBe(times.at(-1))
      expect(samples.every(({ at }) => at > last - windowMs)).toBe(true)
      expect(samples.toSorted((a, b) => a.at - b.at)).toEqual(samples)
    }),
  )
})

test('a throttle lets nobody through faster than its rule; the longest line counts', () => {
  const rule = { kind: 'throttle', max: 2, periodMs: 1000 } as const
  expect(atBestMs(rule, [{ waiting: 3 }, { waiting: 9 }])).toBe(5000)
  expect(atBestMs(rule, [{ waiting: 0 }])).toBeUndefined()
  expect(atBestMs({ kind: 'concurrency', max: 1 }, [{ waiting: 9 }])).toBeUndefined()
})
