import type { NatsConnection } from '@nats-io/nats-core'
import { Kvm } from '@nats-io/kv'
import { Objm } from '@nats-io/obj'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { natsFixture } from '../../../test/fixture/nats.ts'
import {
  applyTopology,
  embeddedTopology,
  openJetStreamLog,
  openLeases,
  openSnapshots,
  readTopology,
  sha256,
  streamNames,
  subjects,
  topology as schema,
  type Topology,
} from '../src/index.ts'
import { streamPlans, streamRouter } from '../src/topology.ts'
import { topology as base } from './fixture/topology.ts'
import { api } from './fixture/two-ways.ts'

const nats = natsFixture()
let nc: NatsConnection
beforeAll(async () => {
  nc = await connect({ servers: nats.url })
})
afterAll(() => nc.close())

const own = (prefix: string): Topology => ({ ...base, prefix })
const change = async (stream: string, to: object) => {
  const { config } = (await api(nc, `STREAM.INFO.${stream}`)) as { config: object }
  return api(nc, `STREAM.UPDATE.${stream}`, { ...config, ...to })
}

describe('names', () => {
  test('are those of the table', () => {
    const names = subjects(embeddedTopology)
    expect(streamNames(embeddedTopology)).toMatchObject({
      events: 'EVENTS_g1',
      mail: 'MAIL_g1',
      journal: 'JOURNAL_g1',
      defs: 'DEFS',
    })
    expect(names.events(3)).toBe('wb.event.1.3')
    expect(names.mail('app', 0, 'ask', 'door')).toBe('wb.mail.1.app.0.ask.door')
    expect(names.mailbox('app', 0, 'answer')).toBe('wb.mail.1.app.0.answer.>')
    expect(names.journal('app', 2)).toBe('wb.journal.1.app.2')
    expect(names.def('app')).toBe('wb.def.app')
    expect(names.op('cancel')).toBe('wb.op.cancel')
    expect(names.outcome('app', 'mail', 'dlq')).toBe('wb.outcome.app.mail.dlq')
    expect(names.live('app', 2)).toBe('wb.live.app.2')
    expect(names.api('dispatch', 'get')).toBe('wb.api.dispatch.get')
  })

  test.each(['', 'a.b', '*', '>', 'a b', 'ä', 'a'.repeat(65), 'a\n'])('no token: %j', (bad) => {
    const names = subjects(embeddedTopology)
    expect(() => names.journal(bad, 0)).toThrow(RangeError)
    expect(() => names.mail('app', 0, 'ask', bad)).toThrow(RangeError)
    expect(() => names.op(bad)).toThrow(RangeError)
    expect(schema.safeParse({ prefix: bad }).success).toBe(false)
  })

  test.each([-1, 4, 0.5, Number.NaN])('no slot of four: %d', (bad) => {
    expect(() => subjects(embeddedTopology).events(bad)).toThrow(RangeError)
  })

  test('every stored subject finds the stream that takes it', () => {
    const names = subjects(base)
    const route = streamRouter(base)
    const all = [
      names.events(0),
      names.mail('a', 0, 'ask', 's'),
      names.journal('a', 0),
      names.def('a'),
      names.op('o'),
      names.outcome('a', 'b', 'dlq'),
    ]
    for (const subject of all) {
      const plan = streamPlans(base).find(({ name }) => name === route(subject))
      const pattern = plan?.config.subjects[0] ?? ''
      expect(subject.split('.')).toHaveLength(pattern.split('.').length)
      const literal = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^.]+')}$`)
      expect(subject).toMatch(literal)
    }
    expect(route(names.live('a', 0))).toBeUndefined()
    expect(route('wb.journal.2.a.0')).toBeUndefined()
  })
})

describe('apply', () => {
  test('creates all that is missing, once, and tells what it would do before', async () => {
    const mine = own('apply')
    const all = streamPlans(mine).map(({ name }) => name)
    expect(await applyTopology(nc, mine, { dryRun: true })).toMatchObject({ created: all })
    expect(await readTopology(nc, 'apply')).toBeUndefined()
    expect(await applyTopology(nc, mine)).toMatchObject({ created: all, present: [] })
    expect(await applyTopology(nc, mine)).toMatchObject({ created: [], present: all })
    expect(await readTopology(nc, 'apply')).toEqual(mine)
    await api(nc, `STREAM.DELETE.${streamNames(mine).ops}`)
    expect(await applyTopology(nc, mine)).toMatchObject({ created: [streamNames(mine).ops] })
  })

  test('by two at once is as by one', async () => {
    const mine = own('twice')
    await Promise.all([applyTopology(nc, mine), applyTopology(nc, mine)])
    expect(await applyTopology(nc, mine)).toMatchObject({ created: [] })
  })

  test('finds the newest generation', async () => {
    const first = own('grown')
    const second = { ...first, generation: 2, slots: 8 }
    await applyTopology(nc, first)
    await applyTopology(nc, second)
    expect(await readTopology(nc, 'grown')).toEqual(second)
  })

  test('refuses what is different, all of it at once, and changes nothing', async () => {
    const mine = own('other')
    const { journal, events, ops, defs } = streamNames(mine)
    await applyTopology(nc, mine)
    await api(nc, `STREAM.DELETE.${ops}`)
    await change(journal, { max_age: 3_600_000_000_000 })
    await change(defs, { subjects: ['other.def.*', 'other.more'] })
    const wanted = { ...mine, slots: 8 }
    await expect(applyTopology(nc, wanted)).rejects.toMatchObject({
      name: 'TopologyMismatch',
      kind: 'terminal',
      differences: expect.arrayContaining([
        {
          stream: journal,
          field: 'max_age',
          wanted: '0',
          found: '3600000000000',
          next: expect.any(String),
        },
        expect.objectContaining({
          stream: events,
          field: 'metadata.waybill.slots',
          wanted: '"8"',
          found: '"4"',
        }),
        expect.objectContaining({ stream: defs, field: 'subjects' }),
      ]),
    })
    expect(((await api(nc, `STREAM.INFO.${ops}`)) as { error: object }).error).toBeDefined()
  })

  test('leaves alone what an operator may choose', async () => {
    const mine = own('chosen')
    await applyTopology(nc, mine)
    await change(streamNames(mine).journal, { max_bytes: 1_000_000_000, description: 'ours' })
    expect(await applyTopology(nc, mine)).toMatchObject({ created: [] })
  })
})

describe('a log', () => {
  test('opens only on streams of its own number of slots', async () => {
    const mine = own('slots')
    const open = (topology: Topology) => openJetStreamLog({ nc, topology, hash: sha256 })
    const missing = {
      name: 'TopologyMismatch',
      differences: [{ field: 'stream', found: 'nothing' }],
    }
    await expect(open(mine)).rejects.toMatchObject(missing)
    await applyTopology(nc, mine)
    const other = [{ field: 'metadata.waybill.slots', wanted: '"16"', found: '"4"' }]
    await expect(open({ ...mine, slots: 16 })).rejects.toMatchObject({ differences: other })
    await using log = await open(mine)
    expect(log.messageBytesMax).toBe(4 * 1024 * 1024)
  })
})

describe('the tools of NATS read what we write', () => {
  test('leases', async () => {
    const mine = own('kv')
    await applyTopology(nc, mine)
    await using leases = openLeases({ nc, topology: mine })
    const kv = await new Kvm(nc).open(streamNames(mine).leases)
    const revision = await leases.put('slot.1', Uint8Array.of(7), 0)
    expect(await kv.get('slot.1')).toMatchObject({ revision, value: Uint8Array.of(7) })
    await leases.remove('slot.1', revision ?? 0)
    expect(await kv.get('slot.1')).toMatchObject({ operation: 'DEL' })
    await kv.put('slot.2', Uint8Array.of(8))
    expect(await leases.get('slot.2')).toMatchObject({ value: Uint8Array.of(8) })
    await kv.delete('slot.2')
    expect(await leases.list('')).toEqual([])
  })

  test.each([0, 1, 2_000_000])('a snapshot of %d bytes', async (size) => {
    const mine = own(`obj${size}`)
    await applyTopology(nc, mine)
    await using snapshots = openSnapshots({ nc, topology: mine, hash: sha256 })
    const store = await new Objm(nc).open(streamNames(mine).snapshots)
    const content = new Uint8Array(size).fill(9)
    await snapshots.put('app.1/7/0', content)
    const found = await store.getBlob('app.1/7/0')
    expect(found && sha256.bytes(found)).toBe(sha256.bytes(content))
    await store.putBlob({ name: 'by hand' }, content)
    const back = await snapshots.get('by hand')
    expect(back && sha256.bytes(back)).toBe(sha256.bytes(content))
    await store.delete('by hand')
    expect(await snapshots.get('by hand')).toBeUndefined()
  })
})

test('a damaged snapshot is told apart from a missing one', async () => {
  const mine = own('damaged')
  await applyTopology(nc, mine)
  await using snapshots = openSnapshots({ nc, topology: mine, hash: sha256 })
  await snapshots.put('a', new Uint8Array(1_200_000))
  const stream = `OBJ_${streamNames(mine).snapshots}`
  await api(nc, `STREAM.PURGE.${stream}`, {
    filter: `$O.${streamNames(mine).snapshots}.C.>`,
    seq: 2,
  })
  await expect(snapshots.get('a')).rejects.toMatchObject({ name: 'SnapshotDamaged' })
  expect(await snapshots.get('b')).toBeUndefined()
})
