import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { acceptEvent, type Acceptance } from '../src/accept.ts'
import { encode } from '../src/codec.ts'
import { waybillEvent, type EventDraft } from '../src/event.ts'
import { eventIdOf } from '../src/id.ts'
import { sha256 as hash } from './sha256.ts'

const door: Acceptance = { hash, generation: 3, slots: 16, now: 1_763_690_400_000 }
const draft: EventDraft = { type: 'issue.opened', source: 'github', data: { title: 'x' } }
const digest = hash.bytes(encode(['issue.opened', { title: 'x' }])).slice(0, 32)

test('what a sender leaves out is filled in', () => {
  const { event, slot } = acceptEvent(draft, door)
  expect(event).toEqual({
    v: 1,
    ...eventIdOf({ ...door, tenant: 'default', source: 'github', dedupeKey: `content:${digest}` }),
    slot: undefined,
    type: 'issue.opened',
    source: 'github',
    tenant: 'default',
    time: door.now,
    receivedAt: door.now,
    dedupeKey: `content:${digest}`,
    chain: { root: event.id, depth: 0, path: [] },
    headers: {},
    signature: { state: 'unsigned' },
    digest,
    data: { title: 'x' },
  })
  expect(event.id).toMatch(new RegExp(`^3-${slot}-`))
})

test('what a sender says stands; only the time of arrival is the door’s', () => {
  const root = `1-0-${'a'.repeat(32)}`
  const said = {
    ...draft,
    tenant: 'acme',
    subject: 'issue/7',
    time: 1,
    dedupeKey: 'd1',
    partitionKey: 'p',
    traceparent: '00-1',
    headers: { 'x-a': 'b' },
    chain: { root, depth: 2, path: ['label', 'audit'], parent: 'p1' },
  }
  const signature = { state: 'verified' } as const
  const { event } = acceptEvent(said, { ...door, tenant: 'other', signature })
  expect(event).toEqual({
    ...said,
    v: 1,
    id: event.id,
    receivedAt: door.now,
    signature,
    digest,
  })
  expect(acceptEvent(draft, { ...door, tenant: 'other' }).event.tenant).toBe('other')
})

describe('laws', () => {
  const text = fc.string({ minLength: 1, maxLength: 10 })
  const drafts: fc.Arbitrary<EventDraft> = fc.record(
    { type: fc.constantFrom('a', 'a.b'), source: text, data: text, dedupeKey: text, tenant: text },
    { requiredKeys: ['type', 'source', 'data'] },
  )
  const idOf = (of: EventDraft): string => acceptEvent(of, door).event.id

  test('every accepted event is one of the schema', () => {
    fc.assert(
      fc.property(drafts, (of) => {
        const { event } = acceptEvent(of, door)
        expect(waybillEvent.parse(event)).toEqual(event)
      }),
    )
  })

  test('the id depends on tenant, source and key; without a key, on the content', () => {
    fc.assert(
      fc.property(drafts, text, (of, other) => {
        fc.pre(!Object.values(of).includes(other))
        const { dedupeKey: _, ...bare } = of
        expect(idOf({ ...of, subject: other, time: 5, headers: { other } })).toBe(idOf(of))
        expect(idOf({ ...of, tenant: other })).not.toBe(idOf(of))
        expect(idOf({ ...of, source: other })).not.toBe(idOf(of))
        expect(idOf({ ...bare, data: other })).not.toBe(idOf(bare))
        expect(idOf({ ...bare, type: 'c' })).not.toBe(idOf(bare))
        expect(idOf({ ...bare, dedupeKey: 'k', data: other })).toBe(
          idOf({ ...bare, dedupeKey: 'k' }),
        )
      }),
    )
  })

  test('events of one partition key share a slot', () => {
    fc.assert(
      fc.property(drafts, drafts, text, (a, b, partitionKey) => {
        const slots = [a, b].map((of) => {
          const { event, slot } = acceptEvent({ ...of, tenant: 't', partitionKey }, door)
          expect(event.partitionKey).toBe(partitionKey)
          return slot
        })
        expect(slots[0]).toBe(slots[1])
      }),
    )
  })
})
