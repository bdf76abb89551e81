import type { PartitionRow } from '@waybill/api'
import { expect, test } from 'vitest'
import { appPause, bindingsOf, stateOf, type Version } from '../src/pages/bindings/binding-rows.ts'
import { type Circuit, circuitsOf, probeOf } from '../src/pages/circuits/circuit-rows.ts'
import { bytesText, orphansOf, partitionsOf } from '../src/pages/services/instances.ts'

const partition = (slot: number, more: Partial<PartitionRow> = {}): PartitionRow => ({
  partition: { app: 'shop', generation: 1, slot },
  state: 'leading',
  owner: 'd1',
  epoch: 1,
  steppedNumber: 1,
  committedNumber: 1,
  committedSeq: 1,
  positions: {},
  open: 0,
  running: 0,
  lagMs: 0,
  pauses: [],
  ...more,
})

const version = (number: number, state: Version['state'], open = 0): Version =>
  ({
    app: 'shop',
    key: `charge@v${number}`,
    state,
    deployedAt: number,
    open,
    manifest: { version: number },
  }) as Version // what these functions look at

const order = { since: 1, by: 'ada', reason: 'why not' }

test('a binding is all its versions, the newest first', () => {
  const [binding] = bindingsOf([version(1, 'draining', 3), version(2, 'active', 4)], [])
  expect(binding?.versions.map(({ key }) => key)).toEqual(['charge@v2', 'charge@v1'])
  expect(binding?.active?.key).toBe('charge@v2')
  expect(binding?.open).toBe(7)
})

test('what new events meet is one word, whoever paused it', () => {
  const rows = [version(1, 'active')]
  const word = (pauses: PartitionRow['pauses']): string =>
    bindingsOf(rows, [partition(0, { pauses })])
      .map(stateOf)
      .join()
  expect(word([])).toBe('active')
  expect(word([{ binding: 'charge', pause: order }])).toBe('paused')
  expect(word([{ pause: order }])).toBe('paused')
  const held = { events: 3, bytes: 9, ageMs: 10 }
  expect(word([{ binding: 'charge', held }])).toBe('catching up')
  expect(word([{ binding: 'refund', pause: order }])).toBe('active')
})

test('the pause of an app is not that of one of its bindings', () => {
  const pauses = [{ binding: 'charge', pause: order }]
  expect(appPause('shop', [partition(0, { pauses })])).toBeUndefined()
  expect(appPause('shop', [partition(0, { pauses: [{ pause: order }] })])).toEqual(order)
  expect(appPause('other', [partition(0, { pauses: [{ pause: order }] })])).toBeUndefined()
})

test('halted partitions come first; a slot that nobody leads is named', () => {
  const halted = { code: 'fork', why: 'two histories' }
  const answers = [
    { instance: 'd1', partitions: [partition(0)], asOf: {} },
    { instance: 'd2', partitions: [partition(3, { state: 'halted', halted })], asOf: {} },
  ]
  const rows = partitionsOf(answers)
  expect(rows.map((row) => row.partition.slot)).toEqual([3, 0])
  expect(orphansOf(rows)).toEqual(['shop g1 slot 1', 'shop g1 slot 2'])
})

const circuit = (more: Partial<Circuit>): Circuit => ({
  ledger: 'l',
  limit: '@app/circuit',
  app: 'shop',
  slot: 0,
  tenant: 'default',
  key: 'bank',
  rule: { kind: 'concurrency', max: 1 },
  state: 'open',
  failures: 5,
  since: 1,
  window: { succeeded: 0, failed: 5 },
  ...more,
})

test('who may try an open circuit, and when', () => {
  expect(probeOf(circuit({ state: 'closed' }))).toEqual({ kind: 'none' })
  expect(probeOf(circuit({ until: 9 }))).toEqual({ kind: 'at', at: 9 })
  expect(probeOf(circuit({}))).toEqual({ kind: 'by hand' })
  expect(probeOf(circuit({ state: 'half_open' }))).toEqual({ kind: 'now' })
  expect(probeOf(circuit({ state: 'half_open', probe: 'd' }))).toEqual({
    kind: 'running',
    dispatch: 'd',
  })
})

test('circuits that turn dispatches back come first', () => {
  const rows = [circuit({ state: 'closed', key: 'a' }), circuit({ key: 'b' })]
  const sorted = circuitsOf([{ instance: 'd1', limits: [], circuits: rows, asOf: {} }])
  expect(sorted.map(({ key }) => key)).toEqual(['b', 'a'])
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [5 * 1024 ** 3, '5.0 GiB'],
  [200 * 1024 ** 2, '200 MiB'],
])('%d bytes are %s', (bytes, text) => expect(bytesText(bytes)).toBe(text))
