import type { Entry, Fact, Hash, Manifest, PartitionId, Transition } from '@waybill/core'
import type { Bundle, EventLog, Stored, Topology } from '@waybill/log'
import type { Dispatches, KnownDispatch } from './dispatches.ts'
import type { Evidence } from './evidence.ts'
import type { Complain } from './finding.ts'
import type { Law } from './laws.ts'
import type { EventPlace, Lane, Reads } from './lanes.ts'
import type { Books } from './ledgers/book.ts'

/**
 * One thing that must hold. To add one: a file in `invariants/`, a line in `invariants.ts`. It sees
 * the journal go by and complains; it never decides anything and keeps no more than it needs.
 */
export type Invariant = {
  /** As its file is called. */
  readonly name: string
  readonly law: Law
  /** In words. */
  readonly holds: string
} & (
  | { readonly of: 'partition'; readonly watch: (scope: PartitionScope) => Watcher }
  /** Over all partitions. Undefined: what it would hold the journal against was not given. */
  | { readonly of: 'history'; readonly watch: (scope: HistoryScope) => Watcher | undefined }
)

/** Called as the journal goes by, in its order. */
export interface Watcher {
  /** Before its facts are. */
  readonly entry?: (taken: Taken, complain: Complain) => void
  /** After all of its facts. */
  readonly decided?: (taken: Taken, complain: Complain) => void
  readonly fact?: (fact: Fact, taken: Taken, complain: Complain) => void
  /** Of a dispatch that had not ended before. */
  readonly transition?: (move: Move, complain: Complain) => void
  /** After its entries. */
  readonly bundle?: (bundle: Recorded, complain: Complain) => void
  /** Nothing comes after this. */
  readonly end?: (complain: Complain) => void | Promise<void>
}

/** A bundle, its sequence in the journal's stream, and when it was stored, where that is known. */
export type Recorded = Bundle & { readonly seq: number; readonly at?: number }

/** An entry, and where it lies. */
export interface Taken {
  readonly id: PartitionId
  readonly entry: Entry
  /** sha-256 of its bytes. */
  readonly hash: string
  readonly bundle: Recorded
}

export interface Move extends Taken {
  readonly fact: Transition
  /** Undefined: it begins here, or its past is not kept. */
  readonly before: KnownDispatch | undefined
  /** Of its binding, as it was deployed; undefined: the deploy is not kept. */
  readonly manifest: Manifest | undefined
}

export interface PartitionScope {
  readonly id: PartitionId
  readonly hash: Hash
  readonly eventsStream: string
  /** The first bundle that will be taken is the partition's first. */
  readonly fromStart: boolean
  /** All that is known of them, up to the fact before. */
  readonly dispatches: Dispatches
  /** Its ledgers, up to the fact before. */
  readonly books: Books
  /** By the name of the position. */
  readonly reads: ReadonlyMap<string, Reads>
  /** Undefined: only the journal is at hand. */
  readonly inputs: Inputs | undefined
}

/** What the partition was given to read. */
export interface Inputs {
  readonly lanes: readonly Lane[]
  messages(lane: Lane, fromSeq: number): AsyncIterable<Stored>
  /** What retention may have taken lies below this sequence. */
  keptFrom(lane: Lane): Promise<number>
  /** Up to here the events are not its business: they came before its first deploy. */
  deployedAfter(): Promise<EventPlace>
  /** How much of a lane was read, and how much was not come to yet. */
  noteUnread(lane: Lane, read: number, unread: number): void
}

export interface HistoryScope {
  readonly log: Pick<EventLog, 'get' | 'hash'>
  readonly topology: Topology
  readonly evidence: Evidence
}
