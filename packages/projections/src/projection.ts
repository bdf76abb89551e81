import type { Entry, FactOf, Hash } from '@waybill/core'
import type { FoldedName } from './roles.ts'
import type { DispatchTable, Tables } from './tables.ts'

/** Where an entry lies, and what is known of its partition before it. */
export interface Place {
  readonly app: string
  readonly generation: number
  readonly slot: number
  /** Number of the partition in this store. */
  readonly partition: number
  /** Journal sequence of the bundle, its number, and the entry's place in it. */
  readonly seq: number
  readonly bundle: number
  readonly ordinal: number
  /** Definitions in force: those of the entry itself come after it. */
  readonly definitions: number
  readonly hash: Hash
}

/**
 * What an entry did to one dispatch: its row before and after. Made once for all projections, so
 * that each of them sees a dispatch whole, though a transition says only what changes.
 */
export interface Move {
  readonly before: DispatchTable | undefined
  readonly after: DispatchTable
  /** The last two leave the dispatch as it is. */
  readonly fact:
    | FactOf<'transition'>
    | FactOf<'dispatch.quarantined'>
    | FactOf<'dead.redriven'>
    | FactOf<'dead.discarded'>
}

/** A row to be written: put in, laid over the one that is there, or added to it (see roles.ts). */
export type Change = {
  [T in FoldedName]: { readonly table: T; readonly row: Tables[T] }
}[FoldedName]

/**
 * A read model as a pure fold: what one entry means for its rows. It reads nothing but what it is
 * given, so it says the same live, in a rebuild, and whatever other partitions do meanwhile.
 */
export interface Projection {
  /** The tables it alone writes. */
  readonly tables: readonly FoldedName[]
  fold(entry: Entry, place: Place, moves: readonly Move[]): readonly Change[]
}

export const nothing: readonly Change[] = []
