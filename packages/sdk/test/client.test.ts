import { decode, waybillEvent, type WaybillEvent } from '@waybill/core'
import {
  applyTopology,
  createMemoryServer,
  decodeBatch,
  embeddedTopology,
  openMemoryLog,
  sha256,
  streamNames,
  type EventLog,
  type MemoryRequest,
} from '@waybill/log'
import { connect } from '@nats-io/transport-node'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { natsFixture } from '../../../test/fixture/nats.ts'
import { createClient, defineEvent, EventRefused } from '../src/index.ts'
import { t0 } from './fixture.ts'

const placed = defineEvent('order.placed', z.object({ id: z.string(), total: z.number() }))
const topology = { ...embeddedTopology, slots: 1 }
const { events } = streamNames(topology)

function memoryLog(fault?: (request: MemoryRequest) => undefined): EventLog {
  const server = createMemoryServer({ topology, now: () => t0 })
  return openMemoryLog({ server, hash: sha256, ...(fault ? { fault } : {}) })
}

async function messages(log: EventLog): Promise<WaybillEvent[][]> {
  const found: WaybillEvent[][] = []
  for await (const { bytes } of log.read({ stream: events, subjects: [], fromSeq: 1 })) {
    found.push(decodeBatch(bytes).map((item) => waybillEvent.parse(decode(item))))
  }
  return found
}

describe('sending', () => {
  test('stores the event and says where it is', async () => {
    const log = memoryLog()
    await using client = await createClient({ log, topology, source: 'shop', tenant: 'acme' })
    const sent = await client.send(
      placed,
      { id: 'A', total: 9 },
      { subject: 's', time: new Date(7) },
    )
    const [[event]] = (await messages(log)) as [[WaybillEvent]]
    expect(sent).toEqual({ id: event.id, seq: 1 })
    expect(event).toMatchObject({
      type: 'order.placed',
      source: 'shop',
      tenant: 'acme',
      subject: 's',
      time: 7,
      data: { id: 'A', total: 9 },
      chain: { root: event.id, depth: 0, path: [] },
    })
  })

  test('the same key is the same event', async () => {
    await using client = await createClient({ log: memoryLog(), topology })
    const [a, b, other] = await Promise.all([
      client.send(placed, { id: 'A', total: 1 }, { dedupeKey: 'k' }),
      client.send(placed, { id: 'B', total: 2 }, { dedupeKey: 'k' }),
      client.send(placed, { id: 'B', total: 2 }, { dedupeKey: 'k', source: 'elsewhere' }),
    ])
    expect(a.id).toBe(b.id)
    expect(other.id).not.toBe(a.id)
  })

  test('what waits while a message is under way goes together in the next', async () => {
    const log = memoryLog()
    await using client = await createClient({ log, topology })
    const first = client.send('tick', 0)
    await Promise.resolve()
    await Promise.resolve() // the first one is under way
    await Promise.all([first, ...Array.from({ length: 99 }, (_, n) => client.send('tick', n + 1))])
    const sizes = (await messages(log)).map((batch) => batch.length)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(100)
    expect(sizes.length).toBeLessThanOrEqual(3)
  })

  test.each([
    ['data that the schema refuses', placed, { id: 'A', total: '9' }, /total/],
    ['a type that is registered, by name', 'order.placed', { id: 'A' }, /total/],
    ['data that no log can hold', 'order.paid', { at: new Date(0) }, /at/],
    ['no data', 'order.paid', undefined, /data/],
    ['a type that is none', 'order placed', {}, /type/],
  ])('%s is refused and not sent', async (_, about, data, why) => {
    const log = memoryLog()
    await using client = await createClient({ log, topology, events: [placed] })
    const refused = client.send(about as string, data)
    await expect(refused).rejects.toBeInstanceOf(EventRefused)
    await expect(refused).rejects.toMatchObject({ code: 'WB1004', why: expect.stringMatching(why) })
    expect(await messages(log)).toEqual([])
  })

  test('closing takes no more, and waits for what was taken', async () => {
    const log = memoryLog()
    const client = await createClient({ log, topology })
    const taken = client.send('tick', 1)
    await client.close()
    await client.close()
    await expect(taken).resolves.toMatchObject({ seq: 1 })
    await expect(client.send('tick', 2)).rejects.toMatchObject({ name: 'LogClosed' })
    expect(await log.info(events)).toMatchObject({ lastSeq: 1 }) // the log is not the client's
  })
})

describe('on a server', () => {
  const nats = natsFixture()

  test('finds the streams by itself, over its own connection or one that is open', async () => {
    await expect(createClient({ servers: nats.url })).rejects.toMatchObject({ code: 'WB1005' })
    const nc = await connect({ servers: nats.url })
    try {
      await applyTopology(nc, embeddedTopology)
      await using own = await createClient({ servers: nats.url, connection: { name: 'shop' } })
      await using shared = await createClient({ nc })
      const [a, b] = await Promise.all([
        own.send(placed, { id: 'A', total: 1 }),
        shared.send(placed, { id: 'A', total: 1 }),
      ])
      expect(a.id).toBe(b.id) // equal content from one source
      await shared.close()
      expect(nc.isClosed()).toBe(false)
    } finally {
      await nc.close()
    }
  })
})
