import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, encode } from '../../src/codec.ts'
import {
  createDedupe,
  type Dedupe,
  expire,
  fromPlain,
  remember,
  seen,
  toPlain,
} from '../../src/partition/dedupe.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const call = fc.record({
  afterMs: fc.nat(3 * hourMs),
  id: fc.integer({ min: 0, max: 60 }).map(String),
  forget: fc.boolean(),
})

function play(
  dedupe: Dedupe,
  calls: readonly { afterMs: number; id: string; forget: boolean }[],
): number {
  let at = 1_763_690_400_000
  for (const { afterMs, id, forget } of calls) {
    at += afterMs
    remember(dedupe, at, id, `digest-${at}`)
    if (forget) expire(dedupe, at, dayMs)
  }
  return at
}

describe('laws', () => {
  test('within the window an id is known by its first digest; an hour past it, forgotten', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 150 }), (calls) => {
        const dedupe = createDedupe()
        const first = new Map<string, number>()
        let at = 1_763_690_400_000
        for (const { afterMs, id } of calls) {
          at += afterMs
          expire(dedupe, at, dayMs)
          const since = first.get(id)
          if (since !== undefined && since > at - dayMs)
            expect(seen(dedupe, id)).toBe(`digest-${since}`)
          if (since === undefined || since <= at - dayMs - hourMs)
            expect(seen(dedupe, id)).toBeUndefined()
          if (seen(dedupe, id) === undefined) first.set(id, at)
          remember(dedupe, at, id, `digest-${at}`)
          expect(seen(dedupe, id)).toBe(`digest-${first.get(id)}`)
        }
      }),
    )
  })

  test('the same calls leave the same bytes; a snapshot in between changes nothing', () => {
    fc.assert(
      fc.property(
        fc.array(call, { maxLength: 80 }),
        fc.array(call, { maxLength: 80 }),
        fc.integer({ min: 1, max: 40 }),
        (before, after, idsMax) => {
          const one = createDedupe(idsMax)
          play(one, before)
          const restored = fromPlain(decode(encode(toPlain(one))))
          expect(restored).toEqual(one)
          play(one, after)
          play(restored, after)
          expect(encode(toPlain(restored))).toEqual(encode(toPlain(one)))
        },
      ),
    )
  })

  test('never more than the bound; what is shortened is the oldest', () => {
    fc.assert(
      fc.property(
        fc.array(call, { maxLength: 200 }),
        fc.integer({ min: 1, max: 40 }),
        (calls, idsMax) => {
          const dedupe = createDedupe(idsMax)
          const at = play(dedupe, calls)
          expect(dedupe.digests.size).toBeLessThanOrEqual(idsMax)
          expect(dedupe.blocks.flatMap(({ ids }) => ids).toSorted()).toEqual(
            [...dedupe.digests.keys()].toSorted(),
          )
          const hours = dedupe.blocks.map(({ hour }) => hour)
          expect(hours).toEqual(hours.toSorted((a, b) => a - b))
          remember(dedupe, at, 'newest', 'd')
          expect(seen(dedupe, 'newest')).toBe('d')
        },
      ),
    )
  })
})

test('a busy hour forgets a sixteenth and counts it', () => {
  const dedupe = createDedupe(160)
  for (let i = 0; i < 160; i++) remember(dedupe, 0, `${i}`, '')
  expect(dedupe.shortened).toBe(0)
  remember(dedupe, 0, '160', '')
  expect(dedupe.shortened).toBe(1)
  expect([seen(dedupe, '9'), seen(dedupe, '10'), seen(dedupe, '160')]).toEqual([undefined, '', ''])
  expect(dedupe.digests.size).toBe(151)
})

test('blocks go whole, and only when all of them is outside the window', () => {
  const dedupe = createDedupe()
  remember(dedupe, 0, 'first', 'x')
  remember(dedupe, hourMs - 1, 'last of the hour', 'y')
  remember(dedupe, hourMs, 'next hour', 'z')
  expire(dedupe, dayMs + hourMs - 1, dayMs)
  expect(seen(dedupe, 'first')).toBe('x')
  expire(dedupe, dayMs + hourMs, dayMs)
  expect([
    seen(dedupe, 'first'),
    seen(dedupe, 'last of the hour'),
    seen(dedupe, 'next hour'),
  ]).toEqual([undefined, undefined, 'z'])
  expire(dedupe, 3 * dayMs, dayMs)
  expect(dedupe.blocks).toEqual([])
})

test('a time before the newest block goes into the newest hour: blocks stay in order', () => {
  const dedupe = createDedupe(16)
  remember(dedupe, 5 * hourMs, 'a', '')
  remember(dedupe, hourMs, 'b', '')
  expect(dedupe.blocks.map(({ hour }) => hour)).toEqual([5, 5])
})

test('what toPlain did not make is refused', () => {
  for (const bad of [
    null,
    {},
    { idsMax: 0, shortened: 0, blocks: [] },
    { idsMax: 1, shortened: 0, blocks: [{ hour: 1 }] },
  ]) {
    expect(() => fromPlain(bad as never)).toThrow()
  }
})

test('a million ids', () => {
  const dedupe = createDedupe()
  for (let i = 0; i < 1_000_001; i++) remember(dedupe, i, `id-${i}`, '')
  expect(dedupe.shortened).toBe(1)
  expect(seen(dedupe, 'id-1000000')).toBe('')
})
