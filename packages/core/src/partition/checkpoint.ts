import { z } from 'zod'
import { manifest, type BindingKey } from '../binding.ts'
import { decode, encode, type Plain } from '../codec.ts'
import {
  deadReason,
  dispatchOrigin,
  dispatchRecord,
  type DeadReason,
  type Dispatch,
} from '../dispatch/record.ts'
import { dispatchId, hashParts, hex64, token, type Hash } from '../id.ts'
import { findLeftovers } from './apply.ts'
import { dedupeOf, fromPlain, toPlain, type Block, type Dedupe } from './dedupe.ts'
import { letter, letterBody } from './entry.ts'
import { createPartition, dueAt, type Partition, type PartitionId } from './state.ts'
import { schedule } from './timers.ts'

export const SNAPSHOT_VERSION = 1

/** The head, then 256 by the first byte of the hash in an id. */
export const bucketsCount = 257
/** Snapshots are as large as the state is; what bounds them is the partition. */
const unbounded = {
  bytesMax: 256 * 1024 * 1024,
  nodesMax: Number.MAX_SAFE_INTEGER,
  keysMax: Number.MAX_SAFE_INTEGER,
}

/** One slice of a snapshot: canonical bytes and their sha-256, hex. */
export interface Bucket {
  readonly index: number
  readonly bytes: Uint8Array
  readonly hash: string
}

/**
 * A partition's state at one moment, for writing while the partition goes on: what is large is
 * shared, as it is only ever replaced or appended to.
 */
export interface Frozen {
  readonly head: Uint8Array
  readonly dispatches: readonly Dispatch[]
  readonly dead: readonly (readonly [string, DeadMark])[]
  readonly seen: readonly FrozenBlock[]
  readonly ended: readonly FrozenBlock[]
}

type DeadMark = { readonly at: number; readonly reason: DeadReason }

interface FrozenBlock extends Block {
  readonly size: number
}

export function freeze(partition: Partition): Frozen {
  return {
    head: encode(headOf(partition), unbounded),
    dispatches: [...partition.dispatches.values()],
    dead: [...partition.dead],
    seen: partition.seen.blocks.map(freezeBlock),
    ended: partition.ended.blocks.map(freezeBlock),
  }
}

const freezeBlock = (block: Block): FrozenBlock => ({ ...block, size: block.ids.length })

function headOf(partition: Partition): z.infer<typeof headSchema> {
  const { app, generation, slot, at, taken, streams, definitions, started, checkpoint } = partition
  return {
    v: SNAPSHOT_VERSION,
    app,
    generation,
    slot,
    at,
    epoch: { ...partition.epoch, hosts: [...partition.epoch.hosts] },
    taken,
    streams,
    positions: Object.fromEntries(partition.positions),
    definitions,
    manifests: [...partition.manifests.values()],
    active: Object.fromEntries(partition.active),
    started,
    letters: toPlain(partition.letters),
    outbox: Object.fromEntries(partition.outbox) as z.infer<typeof headSchema>['outbox'],
    bulk: [...partition.bulk.values()],
    checkpoint,
    seen: shapeOf(partition.seen),
    ended: shapeOf(partition.ended),
  }
}

const shapeOf = ({ idsMax, shortened, blocks }: Dedupe): z.infer<typeof shape> => ({
  idsMax,
  shortened,
  hours: blocks.map(({ hour }) => hour),
})

/**
 * Bucket by bucket, so that the caller may do other things in between; undefined is such a moment
 * too: handing out a million ids takes longer than a partition may be kept waiting.
 */
export function* encodeBuckets(
  hash: Hash,
  frozen: Frozen,
): Generator<Bucket | undefined, void, void> {
  yield { index: 0, bytes: frozen.head, hash: hash.bytes(frozen.head) }
  const slices = yield* sliced(frozen)
  for (const [at, slice] of slices.entries()) {
    const bytes = encode(slice, unbounded)
    yield { index: at + 1, bytes, hash: hash.bytes(bytes) }
  }
}

/** One hash over a whole snapshot, from the hashes of its buckets in order. */
export const snapshotHash = (hash: Hash, buckets: readonly string[]): string =>
  hashParts(hash, ...buckets)

type Slice = z.infer<typeof sliceSchema>

/** About 5 ms of work. */
const idsPerPause = 20_000

function* sliced(frozen: Frozen): Generator<undefined, readonly Slice[], void> {
  const slices = Array.from({ length: bucketsCount - 1 }, (): Slice => ({
    dispatches: [],
    dead: [],
    seen: [],
    ended: [],
  }))
  const of = (id: string): Slice => slices[bucketOf(id)] as Slice // bucketOf is 0 to 255
  let handled = 0
  for (const dispatch of frozen.dispatches) {
    of(dispatch.id).dispatches.push({ ...dispatch })
    if (++handled % idsPerPause === 0) yield
  }
  for (const [id, { at, reason }] of frozen.dead) of(id).dead.push({ id, at, reason })
  for (const name of ['seen', 'ended'] as const) yield* handOut(frozen[name], (id) => of(id)[name])
  return slices
}

function* handOut(
  blocks: readonly FrozenBlock[],
  of: (id: string) => Slice['seen'],
): Generator<undefined, void, void> {
  for (const [block, { ids, digests, size }] of blocks.entries()) {
    for (let at = 0; at < size; at++) {
      const id = ids[at] as string // at < size <= ids.length
      put(of(id), block, id, digests[at] ?? '')
      if (at % idsPerPause === idsPerPause - 1) yield
    }
    yield
  }
}

/** Blocks come in order, so the one in hand is the last. */
function put(parts: Slice['seen'], block: number, id: string, digest: string): void {
  let part = parts.at(-1)
  if (part?.block !== block) {
    part = { block, ids: [], digests: [] }
    parts.push(part)
  }
  part.ids.push(id)
  part.digests.push(digest)
}

/** Ids read `<g>-<slot>-<hash>`: two hex digits after the second dash. */
const bucketOf = (id: string): number => {
  const from = id.indexOf('-', id.indexOf('-') + 1) + 1
  const byte = Number.parseInt(id.slice(from, from + 2), 16)
  return Number.isNaN(byte) ? 0 : byte
}

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
  const head = headSchema.parse(decode(first, unbounded))
  if (head.app !== id.app || head.generation !== id.generation || head.slot !== id.slot) {
    throw new Error(`a snapshot of ${head.app}/${head.slot} is not one of ${id.app}/${id.slot}`)
  }
  const slices = rest.map((bytes) => sliceSchema.parse(decode(bytes, unbounded)))
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
    started: head.started,
    letters: fromPlain(head.letters),
    outbox: new Map(Object.entries(head.outbox)),
    bulk: new Map(head.bulk.map((one) => [one.letter, one])),
    checkpoint: head.checkpoint,
    seen: joined(head.seen, slices, 'seen'),
    ended: joined(head.ended, slices, 'ended'),
  }
  const open = slices.flatMap(({ dispatches }) => dispatches)
  open.sort((a, b) => a.origin.ordinal - b.origin.ordinal)
  for (const dispatch of open) {
    partition.dispatches.set(dispatch.id, dispatch)
    const due = dueAt(dispatch.record)
    if (due !== undefined) schedule(partition.timers, due, dispatch.id)
  }
  for (const { id: deadId, at, reason } of slices.flatMap(({ dead }) => dead)) {
    partition.dead.set(deadId, { at, reason })
  }
  findLeftovers(partition)
  return partition
}

function joined(
  { idsMax, shortened, hours }: z.infer<typeof shape>,
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

const count = z.int().nonnegative()

const shape = z.strictObject({ idsMax: count, shortened: count, hours: z.array(z.int()) })

const headSchema = z.strictObject({
  v: z.literal(SNAPSHOT_VERSION),
  app: token,
  generation: z.int().positive(),
  slot: count,
  at: count,
  epoch: z.strictObject({
    number: count,
    instance: z.string(),
    incarnation: z.string(),
    barren: count,
    hosts: z.array(z.string()),
  }),
  taken: count,
  streams: z.record(z.string(), z.string()),
  positions: z.record(z.string(), z.strictObject({ seq: count, index: count, hash: z.string() })),
  definitions: count,
  manifests: z.array(manifest),
  active: z.record(z.string(), z.string()),
  started: count,
  letters: z.custom<Plain>((value) => value !== undefined),
  outbox: z.record(
    z.string(),
    z.strictObject({ last: count, queued: z.array(z.strictObject({ number: count, letter })) }),
  ),
  bulk: z.array(
    z.strictObject({
      letter: token,
      body: letterBody,
      replyTo: z.string().optional(),
      upTo: count,
      cursor: count,
      done: count,
    }),
  ),
  checkpoint: z
    .strictObject({ position: count, number: count, hash: hex64, snapshot: z.string() })
    .optional(),
  seen: shape,
  ended: shape,
})

/** Of one hourly block what falls into this bucket, in the order in which it came. */
const remembered = z.strictObject({
  block: count,
  ids: z.array(z.string()),
  digests: z.array(z.string()),
})

const sliceSchema = z.strictObject({
  dispatches: z.array(
    z.strictObject({ id: dispatchId, origin: dispatchOrigin, record: dispatchRecord, head: hex64 }),
  ),
  dead: z.array(z.strictObject({ id: dispatchId, at: count, reason: deadReason })),
  seen: z.array(remembered),
  ended: z.array(remembered),
})
