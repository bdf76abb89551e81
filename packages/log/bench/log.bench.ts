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
const many = { count: 100_000, slots: 4, callers: 256 }
await sending({ ...many, underWay: 1 })
// In turns: whichever came last would profit from the warm-up.
const sent: Record<number, Awaited<ReturnType<typeof sending>>[]> = { 1: [], 2: [] }
for (let round = 0; round < 5; round++) {
  for (const underWay of round % 2 === 0 ? [1, 2] : [2, 1]) {
    sent[underWay]?.push(await sending({ ...many, underWay }))
  }
}
results['sender'] = middle(sent[1])
results['senderTwoUnderWay'] = middle(sent[2])
results['senderIdle'] = await sending({ count: 1000, slots: 4, callers: 1, underWay: 1 })
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

/**
 * `callers` send one after the other, each when its last one is stored. `underWay` senders side by
 * side have that many messages of one subject under way: what one alone never does.
 */
async function sending(options: {
  count: number
  slots: number
  callers: number
  underWay: number
}) {
  const { count, slots, callers, underWay } = options
  const before = (await log.info(streams.events)).messages
  const senders = Array.from({ length: underWay }, () => createSender({ log }))
  const latencies: number[] = []
  let left = count
  const caller = async (_: unknown, n: number) => {
    // Not n % underWay: then each subject would have one sender only.
    const sender = senders[Math.floor(n / slots) % underWay]
    while (left-- > 0) {
      const began = performance.now()
      await sender?.send(names.events(n % slots), payload)
      latencies.push(performance.now() - began)
    }
  }
  const run = async () => void (await Promise.all(Array.from({ length: callers }, caller)))
  const result = await measured(count, latencies, run)
  await Promise.all(senders.map((sender) => sender.close()))
  const messages = (await log.info(streams.events)).messages - before
  return { ...options, ...result, itemsPerMessage: Number((count / messages).toFixed(1)) }
}

/** The run with the median rate, and the rates of all. */
function middle(runs: Awaited<ReturnType<typeof sending>>[] = []) {
  const sorted = runs.toSorted((a, b) => a.perSecond - b.perSecond)
  return { ...sorted[sorted.length >> 1], rates: sorted.map(({ perSecond }) => perSecond) }
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
  if (outcome.kind !== 'stored') throw new Error(`conflict on ${subject}`)
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
