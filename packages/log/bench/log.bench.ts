/**
 * What one process gets out of the log. Prints JSON.
 * `node --conditions=@waybill/source packages/log/bench/log.bench.ts [always|default]`
 */
import { connect } from '@nats-io/transport-node'
import { temporaryServer } from '../../../test/fixture/temporary-server.ts'
import {
  applyTopology,
  createSender,
  embeddedTopology as topology,
  openJetStreamLog,
  sha256,
  streamNames,
  subjects,
  type EventLog,
} from '../src/index.ts'

const sync = process.argv[2] === 'always' ? 'always' : 'default'
const payload = new Uint8Array(300).fill(7)
const names = subjects(topology)
const streams = streamNames(topology)

await using nats = await temporaryServer({ sync })
const nc = await connect({ servers: nats.url, maxReconnectAttempts: -1 })
await applyTopology(nc, topology)
const log = await openJetStreamLog({ nc, topology, hash: sha256 })

const results: Record<string, unknown> = { sync, payloadBytes: payload.length }
await appendSequential('warmup', 2000)
results['appendSequential'] = await appendSequential('sequential', sync === 'always' ? 1000 : 5000)
results['appendPipelined'] = await appendPipelined(128, sync === 'always' ? 10_000 : 60_000)
results['senderBurst'] = await senderBurst(100_000, 4)
results['read'] = await readAll(log)
results['followLatencyMs'] = await followLatency(500)
await nc.close()
console.log(JSON.stringify(results, null, 2))

async function appendSequential(app: string, count: number) {
  const subject = names.journal(app, 0)
  const latencies: number[] = []
  let seq = 0
  return measured(count, latencies, async () => {
    for (let n = 0; n < count; n++) {
      const began = performance.now()
      seq = await appended(log, subject, seq)
      latencies.push(performance.now() - began)
    }
  })
}

/** Each of `lanes` partitions has one append under way, as in a host. */
async function appendPipelined(lanes: number, count: number) {
  let left = count
  return measured(count, [], async () => {
    const run = async (_: unknown, lane: number) => {
      const subject = names.journal(`app${lane}`, 1)
      for (let seq = 0; left-- > 0;) seq = await appended(log, subject, seq)
    }
    await Promise.all(Array.from({ length: lanes }, run))
  })
}

async function senderBurst(count: number, slots: number) {
  const before = (await log.info(streams.events)).messages
  const latencies: number[] = []
  await using sender = createSender({ log, limits: { queuedItemsMax: count } })
  const result = await measured(count, latencies, async () => {
    const sends = Array.from({ length: count }, async (_, n) => {
      const began = performance.now()
      await sender.send(names.events(n % slots), payload)
      latencies.push(performance.now() - began)
    })
    await Promise.all(sends)
  })
  return { ...result, messages: (await log.info(streams.events)).messages - before }
}

async function readAll(from: EventLog) {
  const { messages } = await from.info(streams.journal)
  return measured(messages, [], async () => {
    let count = 0
    const range = { stream: streams.journal, subjects: [], fromSeq: 1 }
    for await (const _ of from.read(range)) count += 1
    if (count !== messages) throw new Error(`${count} of ${messages} read`)
  })
}

/** From the call that stores a message to its delivery to an idle reader of the same process. */
async function followLatency(count: number) {
  const subject = names.journal('follow', 0)
  const { lastSeq } = await log.info(streams.journal)
  const stop = new AbortController()
  const range = { stream: streams.journal, subjects: [subject], fromSeq: lastSeq + 1 }
  await using reader = log.follow(range, stop.signal)
  reader.grant({ messages: 256, bytes: 16 * 1024 * 1024 })
  const messages = reader[Symbol.asyncIterator]()
  const latencies: number[] = []
  let seq = 0
  for (let n = 0; n < count; n++) {
    const began = performance.now()
    const next = messages.next()
    seq = await appended(log, subject, seq)
    await next
    latencies.push(performance.now() - began)
    reader.grant({ messages: 1, bytes: payload.length })
  }
  return quantiles(latencies)
}

async function appended(to: EventLog, subject: string, expected: number): Promise<number> {
  const outcome = await to.append(subject, payload, expected)
  if (outcome.kind === 'conflict') throw new Error(`conflict on ${subject}`)
  return outcome.seq
}

async function measured(count: number, latencies: number[], work: () => Promise<void>) {
  const cpu = process.cpuUsage()
  const began = performance.now()
  await work()
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return {
    perSecond: Math.round(count / seconds),
    cpuMicros: Number(((user + system) / count).toFixed(2)),
    ...(latencies.length > 0 ? { latencyMs: quantiles(latencies) } : {}),
  }
}

function quantiles(values: number[]) {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(3))
  return { p50: at(0.5), p99: at(0.99) }
}
