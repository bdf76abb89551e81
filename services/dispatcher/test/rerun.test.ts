import type { DispatchEvent, DispatchOrigin, Member } from '@waybill/core'
import { expect, test } from 'vitest'
import { letterBody } from '../src/operate/rerun.ts'

const hex = 'a'.repeat(32)
const origin: DispatchOrigin = {
  binding: 'count@v1',
  event: `1-0-${hex}`,
  ref: { stream: 'EVENTS_g1', seq: 7, index: 0, hash: 'b'.repeat(64) },
  tenant: 'default',
  ordinal: 1,
  machine: 1,
}
const about = { of: `1-0-${hex}`, binding: 'count@v2', by: 'ann', reason: 'again' }
const limits = [{ ledger: 'count/batch', slot: 0 }]
const members: Member[] = [
  { dispatch: `1-0-${hex}`, order: [7, 0] },
  { dispatch: `1-0-${'c'.repeat(32)}`, order: [8, 0] },
]

test('who led a batch runs again with all whom it stood for', () => {
  const events: DispatchEvent[] = [
    { type: 'dispatch.started', at: 1, loop: false, ask: false, limits },
    { type: 'gate.granted', at: 2, numbers: { gathered: 2 }, members },
    { type: 'attempt.succeeded', at: 3 },
  ]
  expect(letterBody(about, origin, events)).toMatchObject({ limits, batch: members })
})

test('limits that a predicate brought are taken from its answer', () => {
  const events: DispatchEvent[] = [
    { type: 'dispatch.started', at: 1, loop: false, ask: true },
    { type: 'predicate.answered', at: 2, matched: true, limits },
  ]
  const body = letterBody(about, origin, events)
  expect(body).toMatchObject({ kind: 'rerun', limits, event: { id: origin.event } })
  expect(body).not.toHaveProperty('batch')
})
