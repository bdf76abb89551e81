import { connect } from '@nats-io/transport-node'
import { decode, type Entry } from '@waybill/core'
import { decodeBundle, openJetStreamLog, readTopology, sha256, streamNames } from '@waybill/log'
import type { EventLog } from '@waybill/log'
import { createClient, type Client } from '@waybill/sdk'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { broken, flaky, gatedElsewhere, gatedHere, noop } from './app.ts'
import { percentile, round } from './usage.ts'

/*
 * The submitter's process: sends, and reads the journal to see when all has ended. Commands come on
 * stdin, one JSON line each; answers go to stdout, one line each. So one process serves all laps, and
 * its own CPU time is read from outside.
 */

/** Where the ledger of a limit is that a dispatch passes. */
export type Gate = 'here' | 'elsewhere'

export type SubmitCommand =
  | {
      readonly kind: 'burst'
      readonly count: number
      readonly inFlight: number
      /** Until the projector's rows have all of it. */
      readonly projected?: boolean
    }
  | { readonly kind: 'retry'; readonly count: number; readonly inFlight: number }
  | { readonly kind: 'latency'; readonly count: number; readonly gate?: Gate }
  /** So many dead letters, in the rows too. */
  | { readonly kind: 'die'; readonly count: number; readonly inFlight: number }
  /** So many a second, evenly, whatever becomes of them. */
  | { readonly kind: 'pace'; readonly count: number; readonly perSecond: number }
  /** Sends nothing: from the first transition there is to the last of so many ends. */
  | { readonly kind: 'watch'; readonly count: number }

const { values } = parseArgs({ options: { server: { type: 'string' } } })
const nc = await connect({ servers: values.server ?? '' })
const topology = await readTopology(nc, 'wb')
if (!topology) throw new Error('no topology')
const log = await openJetStreamLog({ nc, topology, hash: sha256 })
const client = await createClient({ nc })
const { journal } = streamNames(topology)
const pad = 'x'.repeat(200)
const tickMs = 5
let sent = 0

for await (const line of lines(process.stdin)) {
  const command = JSON.parse(line) as SubmitCommand // from the orchestrator, our own file
  console.log(JSON.stringify(await perform(command)))
}

async function perform(command: SubmitCommand): Promise<object> {
  switch (command.kind) {
    case 'burst': {
      // A no-op dispatch is two entries: started, ended.
      const send = (n: number): ReturnType<Client['send']> => client.send(noop, { n, pad })
      if (command.projected !== true) return burst(command, send, 2 * command.count)
      const rows = watchRows()
      const began = performance.now()
      const result = await burst(command, send, 2 * command.count)
      await rows.until((await log.info(journal)).lastSeq)
      return { ...result, projectedMs: round(performance.now() - began) }
    }
    case 'retry': {
      // Started, two failures, an end, and a tick now and then: only ends are counted.
      return burst(command, (n) => client.send(flaky, { n, pad }), command.count, endsOf)
    }
    case 'latency':
      return latency(command)
    case 'die': {
      const rows = watchRows()
      const send = (n: number): ReturnType<Client['send']> => client.send(broken, { n, pad })
      const result = await burst(command, send, command.count, endsOf)
      await rows.until((await log.info(journal)).lastSeq)
      return result
    }
    case 'pace':
      return pace(command)
    case 'watch':
      return watch(command.count)
    default:
      return command satisfies never
  }
}

async function burst(
  { count, inFlight }: { count: number; inFlight: number },
  send: (n: number) => ReturnType<Client['send']>,
  wanted: number,
  worth: (entries: readonly Uint8Array[]) => number = (entries) => entries.length,
): Promise<object> {
  const { lastSeq } = await log.info(journal)
  const ended = untilCounted(log, lastSeq + 1, wanted, worth)
  const began = performance.now()
  let next = 0
  const worker = async (): Promise<void> => {
    while (next++ < count) await send(sent++)
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  const acknowledged = performance.now() - began
  await ended
  const ms = performance.now() - began
  return {
    count,
    ms: round(ms),
    acknowledgedMs: round(acknowledged),
    perSecond: round((count * 1000) / ms, 0),
  }
}

async function pace({ count, perSecond }: { count: number; perSecond: number }): Promise<object> {
  const began = performance.now()
  const sending: ReturnType<Client['send']>[] = []
  while (sending.length < count) {
    const due = Math.min(count, ((performance.now() - began) * perSecond) / 1000)
    while (sending.length < due) sending.push(client.send(noop, { n: sent++, pad }))
    await wait(tickMs)
  }
  await Promise.all(sending)
  const ms = performance.now() - began
  return { count, ms: round(ms), perSecond: round((count * 1000) / ms, 0) }
}

async function untilCounted(
  from: EventLog,
  fromSeq: number,
  wanted: number,
  worth: (entries: readonly Uint8Array[]) => number,
): Promise<void> {
  const stream = journal
  await using reader = from.follow({ stream, subjects: [], fromSeq }, AbortSignal.timeout(120_000))
  reader.grant({ messages: 1024, bytes: 64 * 1024 * 1024 })
  let counted = 0
  for await (const message of reader) {
    counted += worth(decodeBundle(log.hash, message.bytes).entries)
    if (counted >= wanted) return
    reader.grant({ messages: 1, bytes: message.bytes.length })
  }
  throw new Error(`${counted} of ${wanted} in two minutes`)
}

async function watch(count: number): Promise<object> {
  const { lastSeq } = await log.info(journal)
  let began: number | undefined
  await untilCounted(log, lastSeq + 1, count, (entries) => {
    began ??= performance.now()
    return endsOf(entries)
  })
  const ms = performance.now() - (began ?? Number.NaN)
  return { count, ms: round(ms), perSecond: round((count * 1000) / ms, 0) }
}

/** What the projector says once its rows are committed, one message a bundle. */
function watchRows(): { until(seq: number): Promise<void> } {
  let newest = 0
  let wanted = Infinity
  const reached = Promise.withResolvers<void>()
  const heard = nc.subscribe('wb.live.>', {
    callback: (_, message) => {
      // The sequence stands near the beginning; the rest may be a hundred transitions.
      const [, seq] = /"seq":(\d+)/.exec(message.string().slice(0, 200)) ?? []
      newest = Math.max(newest, Number(seq ?? 0))
      if (newest >= wanted) reached.resolve()
    },
  })
  return {
    async until(seq) {
      wanted = seq
      if (newest < seq) await reached.promise
      heard.unsubscribe()
    },
  }
}

/** Counts ends without a schema: this process is measured with the rest. */
function endsOf(entries: readonly Uint8Array[]): number {
  let ends = 0
  for (const bytes of entries) {
    // Written by the dispatcher under measure, a build of the same sources.
    const { facts } = decode(bytes) as unknown as Entry
    for (const fact of facts) {
      if (fact.kind === 'transition' && fact.record.outcome !== undefined) ends += 1
    }
  }
  return ends
}

/** One at a time: from before the send to the moment the end is read from the log. */
function sendOne(gate: Gate | undefined): ReturnType<Client['send']> {
  const data = { n: sent++, pad }
  if (gate === undefined) return client.send(noop, data)
  if (gate === 'elsewhere') return client.send(gatedElsewhere, data)
  return client.send(gatedHere, data, { partitionKey: String(data.n) })
}

async function latency({ count, gate }: { count: number; gate?: Gate }): Promise<object> {
  const stream = journal
  const { lastSeq } = await log.info(stream)
  const signal = AbortSignal.timeout(120_000)
  await using reader = log.follow({ stream, subjects: [], fromSeq: lastSeq + 1 }, signal)
  reader.grant({ messages: 1e6, bytes: 1e9 })
  const messages = reader[Symbol.asyncIterator]()
  const accepted: number[] = []
  const completed: number[] = []
  for (let at = 0; at < count; at++) {
    const began = performance.now()
    await sendOne(gate)
    accepted.push(performance.now() - began)
    for (let ended = false; !ended;) {
      const { value, done } = await messages.next()
      if (done) throw new Error('the journal ended')
      ended = endsOf(decodeBundle(log.hash, value.bytes).entries) > 0
    }
    completed.push(performance.now() - began)
  }
  return {
    count,
    acceptedP50Ms: round(percentile(accepted, 0.5)),
    completedP50Ms: round(percentile(completed, 0.5)),
    completedP99Ms: round(percentile(completed, 0.99)),
  }
}

async function* lines(input: AsyncIterable<Buffer>): AsyncIterable<string> {
  let rest = ''
  for await (const chunk of input) {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop() ?? ''
    yield* parts.filter((part) => part.length > 0)
  }
}
