import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  dispatchId,
  dispatchIdOf,
  effectId,
  eventId,
  eventIdOf,
  hashParts,
  hex64,
  isToken,
  parseEffectId,
  parseId,
  slotOf,
  token,
} from '../src/id.ts'
import { sha256 as hash } from './sha256.ts'
import { tries } from './tries.ts'

const text = fc.string({ unit: 'binary', maxLength: 30 })
const identity = fc.record({
  generation: fc.integer({ min: 1, max: 99 }),
  slots: fc.integer({ min: 1, max: 1024 }),
  tenant: text,
  source: text,
  dedupeKey: text,
})

describe('hashParts', () => {
  test('where one part ends and the next begins is part of the hash', () => {
    const parts = fc.array(fc.string({ unit: fc.constantFrom('a', '1', ':'), maxLength: 4 }), {
      maxLength: 4,
    })
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        expect(hashParts(hash, ...a) === hashParts(hash, ...b)).toBe(
          JSON.stringify(a) === JSON.stringify(b),
        )
      }),
      tries(2000),
    )
    expect(hashParts(hash, 'ab', 'c')).toBe(hash.text('2:ab1:c'))
  })
})

describe('event ids', () => {
  test('are what the facts make them, for ever', () => {
    const id = eventIdOf({
      hash,
      generation: 1,
      slots: 16,
      tenant: 'acme',
      source: 'github',
      dedupeKey: 'd1',
    })
    // printf '4:acme6:github2:d1' | sha256sum; 0xd8d618c1 mod 16 is 1
    expect(id).toEqual({ id: '1-1-d8d618c1386162c4501638100d6cb38b', slot: 1 })
  })

  test('name their slot, and are read back', () => {
    fc.assert(
      fc.property(identity, (facts) => {
        const { id, slot } = eventIdOf({ hash, ...facts })
        expect(parseId(id)).toEqual({ generation: facts.generation, slot, hash: id.slice(-32) })
        expect(slot).toBeLessThan(facts.slots)
        expect(eventId.parse(id)).toBe(id)
        expect(eventIdOf({ hash, ...facts })).toEqual({ id, slot })
      }),
    )
  })

  test('a partition key moves the event, and changes nothing else of its id', () => {
    fc.assert(
      fc.property(identity, text, text, (facts, partitionKey, other) => {
        const keyed = eventIdOf({ hash, ...facts, partitionKey })
        expect(keyed.slot).toBe(slotOf(hash, facts.tenant, partitionKey, facts.slots))
        expect(keyed.id.slice(-32)).toBe(eventIdOf({ hash, ...facts }).id.slice(-32))
        expect(eventIdOf({ hash, ...facts, dedupeKey: other, partitionKey }).slot).toBe(keyed.slot)
      }),
    )
  })

  test('spread over the slots', () => {
    const counts = Array.from({ length: 16 }, () => 0)
    for (let i = 0; i < 16_000; i++) {
      const { slot } = eventIdOf({
        hash,
        generation: 1,
        slots: 16,
        tenant: '',
        source: 's',
        dedupeKey: `${i}`,
      })
      counts[slot] = (counts[slot] ?? 0) + 1
    }
    for (const count of counts) expect(count).toBeGreaterThan(850)
  })
})

describe('dispatch ids', () => {
  test('live where their event lives, and differ by app, binding, place and rerun', () => {
    const { id: event } = eventIdOf({
      hash,
      generation: 2,
      slots: 8,
      tenant: 't',
      source: 's',
      dedupeKey: 'k',
    })
    const first = { hash, app: 'a', binding: 'b', event, place: '7/0', rerun: 0 }
    const ids = [
      first,
      { ...first, app: 'c' },
      { ...first, binding: 'c' },
      { ...first, place: '7/1' },
      { ...first, rerun: 1 },
    ].map(dispatchIdOf)
    expect(new Set(ids).size).toBe(5)
    for (const id of ids) {
      expect(dispatchId.parse(id)).toBe(id)
      expect(parseId(id)).toMatchObject({ generation: 2, slot: parseId(event)?.slot })
      expect(id).not.toBe(event)
    }
    expect(dispatchIdOf(first)).toBe(ids[0])
  })
})

describe('effect ids', () => {
  test('are read back', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.nat(),
        fc.constantFrom(`1-3-${'ab'.repeat(16)}`, 'app/3'),
        (transition, ordinal, dispatch) => {
          expect(parseEffectId(effectId(dispatch, transition, ordinal))).toEqual({
            dispatch,
            transition,
            ordinal,
          })
        },
      ),
    )
  })

  test.each(['', 'a', 'a:1', 'a:1:', ':1:1', 'a:01:1', 'a:1:-1', 'a:b:1:1', 'a:1:1\n', 'a b:1:1'])(
    '%j is none',
    (id) => {
      expect(parseEffectId(id)).toBeUndefined()
    },
  )
})

const hex32 = 'ab'.repeat(16)
test.each([
  '',
  hex32,
  `1-2-${hex32}0`,
  `1-2-${hex32.slice(1)}`,
  `01-2-${hex32}`,
  `1--${hex32}`,
  `1-2-${hex32.toUpperCase()}`,
  `1-2-${hex32}\n`,
  `-1-2-${hex32}`,
])('%j is no id', (id) => {
  expect(parseId(id)).toBeUndefined()
  expect(eventId.safeParse(id).success).toBe(false)
})

test('a token is one that no subject can mistake', () => {
  for (const good of ['a', 'A-b_9', 'x'.repeat(64)])
    expect([isToken(good), token.safeParse(good).success]).toEqual([true, true])
  for (const bad of ['', 'a.b', '*', '>', 'a b', 'é', 'x'.repeat(65), 'a\n', '$SYS']) {
    expect([isToken(bad), token.safeParse(bad).success]).toEqual([false, false])
  }
})

test('hex64 is a whole lower-case sha-256', () => {
  expect(hex64.parse(hash.text(''))).toHaveLength(64)
  for (const bad of ['', 'g'.repeat(64), 'A'.repeat(64), 'a'.repeat(63), 'a'.repeat(65)])
    expect(hex64.safeParse(bad).success).toBe(false)
})
