import type { BindingKey } from '../binding.ts'
import { decode } from '../codec.ts'
import type { Hash } from '../id.ts'
import { fromPlainLedger } from '../ledger/ledger.ts'
import type { Waiter } from '../ledger/queue.ts'
import { findLeftovers } from './apply.ts'
import { dedupeOf, fromPlain, type Block, type Dedupe } from './dedupe.ts'
import { setAlarm } from './ledgers.ts'
import {
  bucketsCount,
  headSchema,
  sliceSchema,
  unbounded,
  type Head,
  type Slice,
} from './snapshot-shape.ts'
import { createPartition, dueAt, type Partition, type PartitionId } from './state.ts'
import { schedule } from './timers.ts'

/**
 * @param buckets the bytes of all buckets, in order; their hashes were checked by the caller
 * @throws CodecError or ZodError for anything that `encodeBuckets` did not make
 */
export function restorePartition(
  id: PartitionId,
  hash: Hash,
  buckets: readonly Uint8Array[],
): Partition {
  const [first, ...rest] = buckets
  if (!first || buckets.length !== bucketsCount) {
    throw new Error(`a snapshot has ${bucketsCount} buckets, this one ${buckets.length}`)
  }
  const head = headOf(first, id)
  const slices = rest.map(sliceOf)
  const partition: Partition = {
    ...createPartition(id, hash),
    at: head.at,
    epoch: { ...head.epoch, hosts: new Set(head.epoch.hosts) },
    taken: head.taken,
    streams: head.streams,
    positions: new Map(Object.entries(head.positions)),
    definitions: head.definitions,
    manifests: new Map(head.manifests.map((one) => [`${one.id}@v${one.version}`, one])),
    // Keys were written by apply, which makes no others.
    active: new Map(Object.entries(head.active) as [string, BindingKey][]),
    since: head.since ?? 0,
    started: head.started,
    letters: fromPlain(head.letters),
    outbox: new Map(Object.entries(head.outbox)),
    bulk: new Map(head.bulk.map((one) => [one.letter, one])),
    checkpoint: head.checkpoint,
    seen: joined(head.seen, slices, 'seen'),
    ended: joined(head.ended, slices, 'ended'),
    inbox: mapOf(head.inbox),
    rules: mapOf(head.rules),
    overrides: mapOf(head.overrides),
    views: new Map(Object.entries(head.views ?? {})),
    voided: new Set(head.voided),
    backlog: new Set(head.backlog),
    pauses: mapOf(head.pauses),
    held: mapOf(head.held),
    passed: [...(head.passed ?? [])],
  }
  const open = slices.flatMap(({ dispatches }) => dispatches)
  open.sort((a, b) => a.origin.ordinal - b.origin.ordinal)
  for (const dispatch of open) {
    partition.dispatches.set(dispatch.id, dispatch)
    const due = dueAt(dispatch.record)
    if (due !== undefined) schedule(partition.timers, due, dispatch.id)
  }
  for (const { id: deadId, ...dead } of slices.flatMap((slice) => slice.dead)) {
    partition.dead.set(deadId, dead)
  }
  restoreLedgers(partition, slices)
  findLeftovers(partition)
  return partition
}

/**
 * Of a hundred thousand dispatches the whole shape is not looked at one by one, which took two
 * thirds of a takeover: these bytes have the hash that the journal names, so they are those that
 * were written. One of each kind in a bucket tells whether it is a shape of this version at all.
 */
function sliceOf(bytes: Uint8Array): Slice {
  const slice: unknown = decode(bytes, unbounded)
  sliceSchema.parse(sample(slice))
  return slice as Slice
}

function sample(slice: unknown): unknown {
  if (typeof slice !== 'object' || slice === null) return slice
  return Object.fromEntries(
    Object.entries(slice).map(([name, list]) => [
      name,
      Array.isArray(list) ? list.slice(0, 1) : list,
    ]),
  )
}

function headOf(bytes: Uint8Array, id: PartitionId): Head {
  const head = headSchema.parse(decode(bytes, unbounded))
  if (head.app !== id.app || head.generation !== id.generation || head.slot !== id.slot) {
    throw new Error(`a snapshot of ${head.app}/${head.slot} is not one of ${id.app}/${id.slot}`)
  }
  return head
}

const mapOf = <T>(of: Readonly<Record<string, T>> = {}): Map<string, T> =>
  new Map(Object.entries(of))

function restoreLedgers(partition: Partition, slices: readonly Slice[]): void {
  const waiting = new Map<string, Waiter[]>()
  for (const { ledger, ticket, since } of slices.flatMap(({ waiters = [] }) => waiters)) {
    const known = waiting.get(ledger)
    if (known) known.push({ ticket, since })
    else waiting.set(ledger, [{ ticket, since }])
  }
  for (const plain of slices.flatMap(({ ledgers = [] }) => ledgers)) {
    partition.ledgers.set(plain.id, fromPlainLedger(plain, waiting.get(plain.id) ?? []))
    if (waiting.has(plain.id)) partition.queues.add(plain.id)
    setAlarm(partition, plain.id)
  }
}

function joined(
  { idsMax, shortened, hours }: Head['seen'],
  slices: readonly Slice[],
  name: 'seen' | 'ended',
): Dedupe {
  const blocks: Block[] = hours.map((hour) => ({ hour, ids: [], digests: [] }))
  for (const slice of slices) {
    for (const { block, ids, digests } of slice[name]) {
      const whole = blocks[block]
      for (const id of ids) whole?.ids.push(id)
      for (const digest of digests) whole?.digests.push(digest)
    }
  }
  return dedupeOf({ idsMax, shortened, blocks })
}
