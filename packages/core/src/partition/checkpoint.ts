import { encode } from '../codec.ts'
import type { Dispatch } from '../dispatch/record.ts'
import { hashParts, type Hash } from '../id.ts'
import { toPlainLedger, type PlainLedger } from '../ledger/ledger.ts'
import type { Waiter } from '../ledger/queue.ts'
import { keyOf } from '../ledger/ticket.ts'
import { toPlain, type Block, type Dedupe } from './dedupe.ts'
import {
  bucketsCount,
  SNAPSHOT_VERSION,
  unbounded,
  type Head,
  type Slice,
} from './snapshot-shape.ts'
import type { DeadLetter, Partition } from './state.ts'

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
  readonly dead: readonly (readonly [string, DeadLetter])[]
  readonly seen: readonly FrozenBlock[]
  readonly ended: readonly FrozenBlock[]
  /** Without those who wait. */
  readonly ledgers: readonly PlainLedger[]
  readonly waiters: readonly (readonly [ledger: string, waiter: Waiter])[]
}

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
    ...freezeLedgers(partition),
  }
}

/** By id, and in an order that does not tell how they came to be. */
function freezeLedgers({ ledgers }: Partition): Pick<Frozen, 'ledgers' | 'waiters'> {
  const sorted = [...ledgers.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  return {
    ledgers: sorted.map(toPlainLedger),
    waiters: sorted.flatMap(({ id, queue }) =>
      [...queue.waiters.values()].map((waiter) => [id, waiter] as const),
    ),
  }
}

const freezeBlock = (block: Block): FrozenBlock => ({ ...block, size: block.ids.length })

function headOf(partition: Partition): Head {
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
    outbox: Object.fromEntries(partition.outbox) as Head['outbox'],
    bulk: [...partition.bulk.values()],
    checkpoint,
    seen: shapeOf(partition.seen),
    ended: shapeOf(partition.ended),
    ...(partition.since > 0 && { since: partition.since }),
    inbox: plainOf(partition.inbox),
    rules: plainOf(partition.rules),
    overrides: plainOf(partition.overrides),
    views: plainOf(partition.views),
    ...(partition.voided.size > 0 && { voided: [...partition.voided] }),
    ...(partition.backlog.size > 0 && { backlog: [...partition.backlog] }),
    pauses: plainOf(partition.pauses),
    held: plainOf(partition.held),
    ...(partition.passed.length > 0 && { passed: [...partition.passed] }),
  }
}

/** Undefined: there is nothing to tell. */
const plainOf = <T>(map: ReadonlyMap<string, T>): Record<string, T> | undefined =>
  map.size > 0 ? Object.fromEntries(map) : undefined

const shapeOf = ({ idsMax, shortened, blocks }: Dedupe): Head['seen'] => ({
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
    // In an order that does not tell how they came here.
    slice.waiters?.sort((a, b) => (placeIn(a) < placeIn(b) ? -1 : 1))
    const bytes = encode(slice, unbounded)
    yield { index: at + 1, bytes, hash: hash.bytes(bytes) }
  }
}

const placeIn = ({ ledger, ticket }: NonNullable<Slice['waiters']>[number]): string =>
  `${ledger} ${keyOf(ticket)}`

/** One hash over a whole snapshot, from the hashes of its buckets in order. */
export const snapshotHash = (hash: Hash, buckets: readonly string[]): string =>
  hashParts(hash, ...buckets)

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
  for (const [id, dead] of frozen.dead) of(id).dead.push({ id, ...dead })
  for (const ledger of frozen.ledgers) (of(hashIn(ledger.id)).ledgers ??= []).push(ledger)
  for (const [ledger, { ticket, since }] of frozen.waiters) {
    ;(of(ticket.dispatch).waiters ??= []).push({ ledger, ticket, since })
    if (++handled % idsPerPause === 0) yield
  }
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

/** The hash of the key in a ledger's id, as an id. */
const hashIn = (ledger: string): string => `--${ledger.split('/')[2] ?? ''}`

/** Ids read `<g>-<slot>-<hash>`: two hex digits after the second dash. */
const bucketOf = (id: string): number => {
  const from = id.indexOf('-', id.indexOf('-') + 1) + 1
  const byte = Number.parseInt(id.slice(from, from + 2), 16)
  return Number.isNaN(byte) ? 0 : byte
}
