import { connect } from '@nats-io/transport-node'
import { acceptEvent, encode, type HostedApp, type Plain } from '@waybill/core'
import {
  applyTopology,
  createSender,
  decodeEntry,
  embeddedTopology,
  openJetStreamLog,
  openLeases,
  openSnapshots,
  sha256,
  streamNames,
  subjects,
  walk,
  type EventLog,
  type Topology,
} from '@waybill/log'
import { describe, expect, test } from 'vitest'
import { natsFixture } from '../../../test/fixture/nats.ts'
import { until } from '../../../test/fixture/until.ts'
import {
  createHost,
  deployApp,
  pauseBinding,
  resumeBinding,
  type Host,
  type HostOptions,
} from '../src/index.ts'
import { appOf, ends } from './system.ts'

const nats = natsFixture()
const topology: Topology = { ...embeddedTopology, slots: 4 }

/** Leases as short as a test likes to wait for them. */
const limits = { leaseMs: 1500, renewEveryMs: 300 }

interface Process {
  readonly host: Host
  readonly log: EventLog
  readonly running: Promise<void>
  stop(): Promise<void>
  /** Dies: nothing is handed over, the connection is gone. */
  kill(): Promise<void>
}

/** A host with a connection of its own, as a process has. */
async function start(
  instance: string,
  app: HostedApp<AbortSignal>,
  over: Partial<HostOptions> = {},
): Promise<Process> {
  const nc = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  await applyTopology(nc, topology)
  const log = await openJetStreamLog({ nc, topology, hash: sha256 })
  const stop = new AbortController()
  const host = createHost({
    log,
    leases: openLeases({ nc, topology }),
    snapshots: openSnapshots({ nc, topology, hash: sha256 }),
    topology,
    app,
    instance,
    limits,
    reply: () => {},
    ...over,
  })
  await deployApp(log, topology, app, { by: 'test' })
  const running = host.run(stop.signal)
  running.catch(() => undefined)
  return {
    host,
    log,
    running,
    async stop() {
      stop.abort()
      await running
      await log[Symbol.asyncDispose]()
      await nc.close()
    },
    async kill() {
      host.kill()
      await nc.close()
    },
  }
}

/** What a host leads, counts and holds is told by nobody. */
const fact = (what: string, holds: () => boolean | Promise<boolean>): Promise<true> =>
  until(what, 15_000, holds)

const led = ({ host }: Process): number =>
  host.status().partitions.filter(({ state }) => state === 'leading').length

async function sendAll({ log }: Process, count: number, from = 0): Promise<void> {
  const sender = createSender({ log })
  const { generation, slots } = topology
  const one = (n: number): Promise<unknown> => {
    const { event, slot } = acceptEvent(
      { type: 'order.placed', source: 'test', data: n, dedupeKey: `k${n}` },
      { hash: sha256, generation, slots, now: Date.now() },
    )
    return sender.send(subjects(topology).events(slot), encode(event))
  }
  await Promise.all(Array.from({ length: count }, (_, n) => one(from + n)))
}

async function endsIn({ log }: Process, app: string): Promise<Map<string, string[]>> {
  const entries = []
  for (let slot = 0; slot < topology.slots; slot++) {
    const stream = streamNames(topology).journal
    const subject = subjects(topology).journal(app, slot)
    for await (const { entries: found } of walk({ log, stream, subject })) {
      for (const bytes of found) entries.push(decodeEntry(bytes))
    }
  }
  return ends(entries)
}

const allEnd = (process: Process, app: string, count: number): Promise<true> =>
  fact(`${count} ended`, async () => (await endsIn(process, app)).size === count)

describe('two hosts on a real server', () => {
  test('share the slots; when one is killed the other has them after the lease, and all that was sent ends once', async () => {
    const slow = { name: 'killed', run: async () => 1 }
    const a = await start('a', appOf(slow))
    await fact('it leads all', () => led(a) === 4)
    const b = await start('b', appOf(slow))
    await fact('they share', () => led(a) === 2 && led(b) === 2)
    const sent = sendAll(b, 300)
    await fact('it is at work', () => a.host.counters.bundles > 6)
    await a.kill()
    await sent
    await fact('the other leads all', () => led(b) === 4)
    await sendAll(b, 50, 300)
    await allEnd(b, 'killed', 350)
    const states = [...(await endsIn(b, 'killed')).values()]
    expect(states.every((one) => one.length === 1 && one[0] === 'succeeded')).toBe(true)
    await b.stop()
  })

  test('hand over without a pause when one of them stops, and nothing is run twice', async () => {
    const runs = new Map<string, number>()
    const app = appOf({
      name: 'handed',
      run: async ({ dispatch }) => {
        runs.set(dispatch, (runs.get(dispatch) ?? 0) + 1)
        return undefined
      },
    })
    const a = await start('a', app)
    await fact('it leads all', () => led(a) === 4)
    const b = await start('b', app, { limits: { ...limits, leaseMs: 60_000 } })
    await fact('they share', () => led(a) === 2 && led(b) === 2)
    const sent = sendAll(b, 500)
    await a.stop()
    await sent
    // A minute's lease, and nobody waits for it.
    await fact('the other leads all', () => led(b) === 4)
    await allEnd(b, 'handed', 500)
    expect([...runs.values()].every((count) => count === 1)).toBe(true)
    expect(runs.size).toBe(500)
    await b.stop()
  })

  test('keep going when the server restarts under them', async () => {
    const gate = Promise.withResolvers<Plain | undefined>()
    const app = appOf({
      name: 'restarted',
      run: ({ event }) => (event.data === 0 ? gate.promise : Promise.resolve(undefined)),
    })
    const a = await start('a', app, { limits: { leaseMs: 20_000 } })
    await fact('it leads all', () => led(a) === 4)
    await sendAll(a, 100)
    await allEnd(a, 'restarted', 99)
    await nats.restart('SIGKILL')
    gate.resolve(undefined)
    await sendAll(a, 100, 100)
    await allEnd(a, 'restarted', 200)
    expect(a.host.counters.fences).toBe(0)
    const status = a.host.status()
    expect(status.partitions.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 1])
    await a.stop()
  })

  test('are paused, and give what was held from where retention left it, whoever dies meanwhile', async () => {
    const app = appOf({ name: 'paused', run: async () => 1 })
    const a = await start('a', app)
    await fact('it leads all', () => led(a) === 4)
    const order = { app: 'paused', binding: 'ship', by: 'ann', reason: 'night' }
    await sendAll(a, 100, 1000)
    await allEnd(a, 'paused', 100)
    await pauseBinding(a.log, topology, order)
    await fact('it is paused', () => pausesOf(a).length === 4)
    await sendAll(a, 500, 1100)
    await fact('all is held', () => heldIn(a) === 500)
    for (const { slot, pauses } of a.host.status().partitions) {
      const { held } = pauses[0] ?? {}
      if (!held) throw new Error(`slot ${slot} holds nothing`)
      await a.log.purge(held.stream, subjects(topology).events(slot), held.from[0])
    }
    await a.kill()
    const b = await start('b', app, { limits: { ...limits, hotMax: 4 } })
    await fact('the other leads all', () => led(b) === 4)
    expect(heldIn(b)).toBe(500)
    await resumeBinding(b.log, topology, order)
    const sent = sendAll(b, 200, 1600)
    await fact('it is being given', () => heldIn(b) < 400)
    await sent
    await b.kill()
    const c = await start('c', app)
    await fact('the third leads all', () => led(c) === 4)
    await fact('all was given', () => pausesOf(c).length === 0)
    await allEnd(c, 'paused', 800)
    const states = [...(await endsIn(c, 'paused')).values()]
    expect(states.every((one) => one.length === 1 && one[0] === 'succeeded')).toBe(true)
    await c.stop()
  })
})

const pausesOf = ({ host }: Process) => host.status().partitions.flatMap(({ pauses }) => pauses)
const heldIn = (process: Process): number =>
  pausesOf(process).reduce((sum, { held }) => sum + (held?.events ?? 0), 0)
