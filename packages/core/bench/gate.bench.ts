import { hash as oneShot } from 'node:crypto'
import {
  acceptEvent,
  bindingKey,
  createPartition,
  decode,
  defaultTimeouts,
  definitionHash,
  encode,
  encodeBuckets,
  freeze,
  headOf,
  placeOf,
  restorePartition,
  step,
  type Effect,
  type EventDraft,
  type Hash,
  type Input,
  type KeyedLimit,
  type Manifest,
  type Partition,
  waybillEvent,
  type WaybillEvent,
} from '@waybill/core'

/**
 * Many dispatches that wait in one gate of their own partition: memory, releases, snapshots, and what
 * a gate adds to a dispatch that does not wait. Run with --expose-gc for the memory.
 */
const hash: Hash = {
  text: (input) => oneShot('sha256', input, 'hex'),
  bytes: (input) => oneShot('sha256', input, 'hex'),
}
const count = Number(process.argv[2] ?? 100_000)
const tenants = Number(process.argv[3] ?? 10)
const messageHash = hash.text('m')
const id = { app: 'bench', generation: 1, slot: 0 }

const concurrency = (max: number): KeyedLimit => ({
  name: 'concurrency',
  scope: 'binding',
  rule: { kind: 'concurrency', max },
})

function manifestOf(limits: readonly KeyedLimit[]): Manifest {
  const made: Manifest = {
    v: 1,
    id: 'noop',
    version: 1,
    hash: '0'.repeat(32),
    on: ['bench.event'],
    retry: { kind: 'fixed', delayMs: 1000, maxAttempts: 3, jitter: 'none' },
    timeouts: defaultTimeouts,
    priority: 'normal',
    tier: 'act_auto',
    onPermanentError: 'dlq',
    maxChainDepth: 16,
    poisonMax: 3,
    handler: { kind: 'local', code: 'a'.repeat(32), isolate: false },
    ...(limits.length > 0 && { flow: { limits: [...limits], holdWhileRetrying: false } }),
  }
  return { ...made, hash: definitionHash(hash, made) }
}

interface Bench {
  readonly partition: Partition
  readonly binding: Manifest
  take(input: Input): readonly Effect[]
}

function open(binding: Manifest): Bench {
  const partition = createPartition(id, hash)
  const take = (input: Input): readonly Effect[] => step(partition, input, 1000).entry.effects
  const ref = { stream: 'DEFS', seq: 1, index: 0, hash: messageHash }
  const eventsFrom = { stream: 'EVENTS_g1', seq: 0 }
  const change = { v: 1, kind: 'deploy', app: 'bench', number: 1, at: 1, by: 'bench' } as const
  take({
    kind: 'def',
    ref,
    change: { ...change, manifests: [binding], active: [bindingKey(binding)], eventsFrom },
  })
  const streams = { EVENTS_g1: '2026-01-01T00:00:00Z' }
  const who = { instance: 'b', incarnation: 'b', rules: 1, hosts: [] }
  take({ kind: 'epoch', epoch: 1, ...who, streams })
  return { partition, binding, take }
}

const headAt = (at: number) =>
  headOf(
    received({
      type: 'bench.event',
      source: 'b',
      data: { at },
      dedupeKey: `${at}`,
      tenant: `t${at % tenants}`,
    }),
  )

/** As a partition gets it: from the bytes of a message. */
function received(draft: EventDraft): WaybillEvent {
  const { event } = acceptEvent(draft, { hash, generation: 1, slots: 1, now: 1 })
  return waybillEvent.parse(decode(encode(event)))
}

function send({ take, binding }: Bench, head: ReturnType<typeof headOf>, at: number) {
  const ref = { stream: 'EVENTS_g1', seq: at + 1, index: 0, hash: messageHash }
  const limits = binding.flow?.limits.map((limit) =>
    placeOf(limit, limit.key && `${at % 64}`, {
      hash,
      slots: 1,
      binding: binding.id,
      tenant: head.tenant,
    }),
  )
  const verdict = { binding: bindingKey(binding), result: 'matched' as const }
  return take({ kind: 'event', ref, head, verdicts: [{ ...verdict, ...(limits && { limits }) }] })
}

const succeed = ({ take }: Bench, { id: effect }: Effect): readonly Effect[] =>
  take({ kind: 'result', effect, result: { status: 'succeeded', sent: [], ms: 0 } })

function timed<T>(work: () => T): [T, number] {
  const began = performance.now()
  const done = work()
  return [done, performance.now() - began]
}

const rounded = (value: number, digits = 1): number => Number(value.toFixed(digits))

function heap(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

// --- waiting ---------------------------------------------------------------------------------

function waiting(): object {
  const bench = open(manifestOf([concurrency(1)]))
  const { partition } = bench
  const before = heap()
  let running: readonly Effect[] = []
  for (let at = 0; at < count; at++) {
    const effects = send(bench, headAt(at), at)
    if (effects.length > 0) running = effects
  }
  const bytes = (heap() - before) / count
  const [frozen, freezeMs] = timed(() => freeze(partition))
  const pauses: number[] = []
  const buckets: Uint8Array[] = []
  const encoding = encodeBuckets(hash, frozen)
  for (;;) {
    const [next, ms] = timed(() => encoding.next())
    pauses.push(ms)
    if (next.done) break
    if (next.value) buckets.push(next.value.bytes)
  }
  const [, restoreMs] = timed(() => restorePartition(id, hash, buckets))
  const releases = Math.min(20_000, count - 1)
  const [, releaseMs] = timed(() => {
    for (let done = 0; done < releases; done++) {
      const [first] = running
      if (!first) throw new Error('nobody was let in')
      running = succeed(bench, first)
    }
  })
  return {
    waiting: count,
    tenants,
    heapBytesEach: globalThis.gc ? Math.round(bytes) : 'needs --expose-gc',
    releaseMicros: rounded((releaseMs * 1000) / releases),
    freezeMs: rounded(freezeMs),
    longestPauseMs: rounded(Math.max(...pauses)),
    snapshotMiB: rounded(buckets.reduce((sum, { length }) => sum + length, 0) / 2 ** 20),
    restoreMs: Math.round(restoreMs),
  }
}

// --- passing ---------------------------------------------------------------------------------

const passing = 20_000
const heads = Array.from({ length: passing }, (_, at) => headAt(at))

/** Micros a dispatch, 128 at a time, that no gate makes wait. */
function throughput(limits: readonly KeyedLimit[]): number {
  const bench = open(manifestOf(limits))
  const [, ms] = timed(() => {
    for (let from = 0; from < passing; from += 128) {
      const slice = heads.slice(from, from + 128)
      const effects = slice.flatMap((head, index) => send(bench, head, from + index))
      for (const effect of effects) succeed(bench, effect)
    }
  })
  return (ms * 1000) / passing
}

const keyed: KeyedLimit = { ...concurrency(1000), key: { kind: 'cel', text: 'event.data.key' } }
const rate: KeyedLimit = {
  name: 'rateLimit',
  scope: 'binding',
  rule: { kind: 'rateLimit', max: 1_000_000, periodMs: 60_000 },
}
const ways = {
  ungated: [],
  unkeyed: [concurrency(1000)],
  keyed: [keyed],
  two: [rate, concurrency(1000)],
} as const

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

const laps = Array.from({ length: 7 }, () =>
  Object.fromEntries(Object.entries(ways).map(([name, limits]) => [name, throughput(limits)])),
)
const micros = Object.fromEntries(
  Object.keys(ways).map((name) => [name, rounded(median(laps.map((lap) => lap[name] ?? 0)))]),
)
const share = Object.fromEntries(
  Object.entries(micros).map(([name, each]) => [name, rounded((micros['ungated'] ?? 0) / each, 2)]),
)
console.log(JSON.stringify({ bench: 'core.gate', ...waiting(), microsPerDispatch: micros, share }))
