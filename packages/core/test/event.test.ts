import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  chain,
  eventDraft,
  headOf,
  signature,
  waybillEvent,
  type WaybillEvent,
} from '../src/event.ts'
import { typeMatches } from '../src/type-pattern.ts'

const id = `1-0-${'a'.repeat(32)}`
const sent = {
  type: 'issue.opened',
  source: 'github',
  tenant: 'acme',
  subject: 'issue/7',
  time: 1,
  dedupeKey: 'd',
  partitionKey: 'p',
  traceparent: '00-1',
  chain: { root: id, depth: 1, path: ['label'], parent: 'x' },
  headers: { a: 'b' },
  data: null,
}
const event: WaybillEvent = {
  ...sent,
  v: 1,
  id,
  receivedAt: 2,
  signature: { state: 'failed', reason: 'no key' },
  digest: 'd'.repeat(32),
}

describe('typeMatches', () => {
  const token = fc.constantFrom('a', 'b', 'issue')
  const type = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'))
  const pattern = fc
    .tuple(
      fc.array(fc.oneof(token, fc.constant('*')), { minLength: 0, maxLength: 4 }),
      fc.boolean(),
    )
    .map(([tokens, open]) => [...tokens, ...(open || tokens.length === 0 ? ['>'] : [])].join('.'))

  test('is what the words of a NATS subject mean', () => {
    fc.assert(
      fc.property(pattern, type, (wanted, given) => {
        const meant = wanted.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replace('>', '.+')
        expect(typeMatches(wanted, given)).toBe(new RegExp(`^${meant}$`).test(given))
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    ['issue.opened', 'issue.opened', true],
    ['issue.opened', 'issue', false],
    ['issue', 'issue.opened', false],
    ['>', 'a', true],
    ['>', 'a.b.c', true],
    ['a.>', 'a', false],
    ['a.>', 'a.b', true],
    ['a.>', 'a.b.c', true],
    ['*', 'a', true],
    ['*', 'a.b', false],
    ['*.b', 'a.b', true],
    ['*.b', 'a.c', false],
    ['a.*', 'a', false],
    ['a.*.c', 'a.b', false],
    ['*.>', 'a', false],
  ])('%s covers %s: %s', (wanted, given, covered) => {
    expect(typeMatches(wanted, given)).toBe(covered)
  })
})

test('the head of an event is all that decides, without the payload', () => {
  const { type, source, tenant, subject, time, digest } = event
  const head = { id, type, source, tenant, subject, time, digest, chain: event.chain }
  expect(headOf(event)).toEqual(head)
  expect(Object.keys(headOf(event)).sort()).toEqual(Object.keys(head).sort())
})

describe('an event', () => {
  test('is taken whole, or with no more than it needs', () => {
    expect(waybillEvent.parse(event)).toEqual(event)
    expect(eventDraft.parse(sent)).toEqual(sent)
    const least = { type: 'a', source: '', data: 0 }
    expect(eventDraft.parse(least)).toEqual(least)
    expect(chain.parse({ root: id, depth: 0, path: [] })).toEqual({ root: id, depth: 0, path: [] })
    for (const state of ['verified', 'unsigned', 'failed'])
      expect(signature.parse({ state })).toEqual({ state })
  })

  test.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a b',
    'a.*',
    '>',
    'é',
    'a\n',
    'a.b c',
    '-.$',
    'x'.repeat(257),
  ])('of type %j is none', (type) => {
    expect(eventDraft.safeParse({ ...sent, type }).success).toBe(false)
    expect(waybillEvent.safeParse({ ...event, type }).success).toBe(false)
  })

  test.each(['a', 'A-b_9', 'a.b', 'issue.opened.v2', 'x'.repeat(256)])(
    'of type %j is one',
    (type) => expect(eventDraft.parse({ ...sent, type }).type).toBe(type),
  )

  test.each([
    { data: undefined },
    { source: 'x'.repeat(1025) },
    { time: -1 },
    { time: 0.5 },
    { dedupeKey: '' },
    { dedupeKey: 'x'.repeat(1025) },
    { partitionKey: '' },
    { tenant: '' },
    { tenant: 'x'.repeat(65) },
    { traceparent: 'x'.repeat(129) },
    { headers: { a: 1 } },
    { chain: { root: 'x', depth: 0, path: [] } },
    { chain: { root: id, depth: -1, path: [] } },
    { chain: { root: id, depth: 0, path: Array.from({ length: 33 }, () => 'b') } },
    { more: 1 },
  ])('with %j is refused', (change) => {
    expect(eventDraft.safeParse({ ...sent, ...change }).success).toBe(false)
    expect(waybillEvent.safeParse({ ...event, ...change }).success).toBe(false)
  })
})
