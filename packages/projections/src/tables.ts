import type { CauseClass, DeadReason, DispatchState, WaitReason } from '@waybill/core'

/**
 * A dispatch's place in the store: partition number * 2^40 + ordinal. Rows of a partition lie next
 * to each other in the order they began, so a busy store writes at a few ends of a table and not
 * all over it. Partition numbers are given in the order partitions are first seen: they mean
 * nothing outside one store, and no answer or dump shows them.
 */
export type DispatchNumber = number
const ordinalsMax = 2 ** 40
export const partitionsMax = 2 ** 13 - 1

export const dispatchNumber = (partition: number, ordinal: number): DispatchNumber =>
  partition * ordinalsMax + ordinal
export const partitionOf = (number: DispatchNumber): number => Math.floor(number / ordinalsMax)
export const ordinalOf = (number: DispatchNumber): number => number % ordinalsMax

/** One row per dispatch. Times are epoch ms. */
export interface DispatchTable {
  readonly number: DispatchNumber
  readonly id: string
  readonly app: string
  readonly binding: string
  readonly version: number
  readonly event: string
  readonly type: string
  readonly source: string
  readonly subject: string | null
  readonly tenant: string
  readonly key: string | null
  readonly root: string
  readonly depth: number
  /** The dispatch whose handler sent the event. */
  readonly parent: string | null
  readonly rerun_of: string | null
  readonly started_at: number
  readonly state: DispatchState
  readonly wait_for: WaitReason | null
  /** JSON; null while open, and when it succeeded. */
  readonly outcome: string | null
  /** JSON of the latest error, cut by core to its gist. */
  readonly error: string | null
  readonly attempt: number
  readonly spent: number
  readonly transitions: number
  readonly at: number
  readonly due_at: number | null
  /** JSON: the limit that holds it, with its numbers; null: none does. */
  readonly held: string | null
}

/** In which journal messages a dispatch's history lies. */
export interface SequenceTable {
  readonly number: DispatchNumber
  readonly seq: number
}

export interface DeadLetterTable {
  readonly number: DispatchNumber
  readonly id: string
  readonly app: string
  readonly binding: string
  readonly version: number
  readonly event: string
  readonly type: string
  readonly tenant: string
  readonly reason: DeadReason
  readonly class: CauseClass
  readonly error: string | null
  /** Hash of class, top and binding version: what died of the same thing. */
  readonly fingerprint: string
  readonly top: string
  readonly attempts: number
  readonly at: number
  readonly expires_at: number
  readonly status: 'pending' | 'redriven' | 'resolved' | 'discarded' | 'expired'
  readonly redrives: number
}

/** One row each time an app takes an event for new: again only after the dedupe window. */
export interface EventTable {
  readonly id: string
  readonly app: string
  readonly stream: string
  readonly seq: number
  readonly place: number
  readonly partition: number
  readonly type: string
  readonly source: string
  readonly subject: string | null
  readonly tenant: string
  readonly time: number
  readonly at: number
  readonly root: string
  readonly depth: number
  /** Where the entry lies that took it: sequence of the bundle, place in it. */
  readonly journal_seq: number
  readonly journal_place: number
  /** Number of the definitions it met: with them, what it did not match is known too. */
  readonly definitions: number
  /** JSON: [binding key, result, reason?] of the bindings whose types it matched. */
  readonly verdicts: string
  /** The dispatches it started have consecutive ordinals. */
  readonly first_ordinal: number | null
  readonly dispatches: number
}

/** An event that a pause held back, given to bindings later: once for each time it was. */
export interface ReleaseTable {
  readonly id: string
  readonly app: string
  readonly seq: number
  readonly place: number
  readonly journal_seq: number
  readonly journal_place: number
  readonly partition: number
  readonly at: number
  /** JSON, as in `EventTable`, of the bindings that it was given to. */
  readonly verdicts: string
  readonly first_ordinal: number | null
  readonly dispatches: number
}

export interface DuplicateTable {
  readonly id: string
  readonly app: string
  readonly duplicates: number
  /** Of these, how many came with other content. */
  readonly divergent: number
}

export interface DefinitionTable {
  readonly app: string
  readonly number: number
  readonly at: number
  readonly by: string
  /** JSON: the active set of binding keys. */
  readonly active: string
  /** JSON: the first events that are the app's business. */
  readonly events_from: string
}

export interface BindingTable {
  readonly app: string
  readonly binding: string
  readonly version: number
  /** Number of the definitions that brought it. */
  readonly definitions: number
  readonly at: number
  readonly manifest: string
}

/** How many dispatches are in each state now. */
export interface StateCountTable {
  readonly app: string
  readonly binding: string
  readonly version: number
  readonly state: DispatchState
  readonly count: number
}

/**
 * What happened in each minute: `started`, a state that was entered, or how long those took that
 * ended by their own doing (see took.ts).
 */
export interface MinuteCountTable {
  readonly app: string
  readonly binding: string
  readonly version: number
  readonly minute: number
  readonly what: DispatchState | 'started' | `took.${number}`
  readonly count: number
}

/** How far a partition is folded. Written in one transaction with the rows. */
export interface PartitionTable {
  readonly number: number
  readonly app: string
  readonly generation: number
  readonly slot: number
  readonly stream: string
  /** ISO 8601: another date is another stream, and this position means nothing there. */
  readonly stream_created: string
  readonly seq: number
  readonly bundle: number
  readonly hash: string
  /** Server time of the bundle. */
  readonly at: number
  readonly definitions: number
  /** JSON: how far the partition has read its inputs. */
  readonly inputs: string
}

export interface Tables {
  readonly dispatch: DispatchTable
  readonly dispatch_sequence: SequenceTable
  readonly dead_letter: DeadLetterTable
  readonly event: EventTable
  readonly event_duplicate: DuplicateTable
  readonly event_release: ReleaseTable
  readonly definition: DefinitionTable
  readonly binding: BindingTable
  readonly state_count: StateCountTable
  readonly minute_count: MinuteCountTable
  readonly partition: PartitionTable
}
export type TableName = keyof Tables
