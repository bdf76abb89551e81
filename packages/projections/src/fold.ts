import type { Entry, Hash } from '@waybill/core'
import { type BundleHeader, ChainBroken, type Stored } from '@waybill/log'
import {
  type Accepted,
  acceptBundle,
  partitionKey,
  partitionOfSubject,
  type PartitionRef,
} from './accept.ts'
import { gather, type Gathering } from './batch.ts'
import { canonicalJson } from './json.ts'
import { movedOn, movesOf } from './move.ts'
import { createOpenRows, type OpenRows } from './open-rows.ts'
import type { Move, Place, Projection } from './projection.ts'
import { projections } from './projections.ts'
import type { RowStore } from './store.ts'
import { type PartitionTable, partitionsMax } from './tables.ts'

/** A bundle whose rows are in the store. */
export interface FoldedBundle {
  readonly header: BundleHeader
  readonly seq: number
  /** Server time at which it was stored. */
  readonly at: number
  readonly entries: readonly FoldedEntry[]
}
export interface FoldedEntry {
  readonly entry: Entry
  readonly moves: readonly Move[]
}

/** A partition that is not folded any further, and why. Its rows stay as they were. */
export interface Halted extends PartitionRef {
  readonly seq: number
  readonly cause: Error
}

export interface Folded {
  readonly bundles: readonly FoldedBundle[]
  /** Partitions that were halted by these messages. */
  readonly halted: readonly Halted[]
}

/**
 * Folds journal messages into the store, batch by batch. Each bundle must follow the one before
 * it. One that does not halts its partition and no other; one that was folded before is passed
 * over, so whoever reads may begin too early, never too late.
 */
export interface Folder {
  /** Messages of one stream, in its order. If it throws, nothing was written and it is done for. */
  fold(messages: readonly Stored[]): Promise<Folded>
  halt(partition: Halted): void
  partitions(): readonly PartitionTable[]
  halted(): readonly Halted[]
}

export interface FolderOptions {
  readonly store: RowStore
  readonly hash: Hash
  readonly stream: { readonly name: string; readonly createdAt: string }
  /** The beginning of journals is gone (retention): a new partition may begin with any bundle. */
  readonly truncated: boolean
}

export async function openFolder(options: FolderOptions): Promise<Folder> {
  const { store } = options
  const rows = await store.db.selectFrom('partition').selectAll().execute()
  const open = createOpenRows(store)
  let state: State = {
    partitions: new Map(rows.map((row) => [partitionKey(row), row])),
    halted: new Map(),
  }

  async function attempt(messages: readonly Stored[], checked: boolean): Promise<Folded> {
    const next = { partitions: new Map(state.partitions), halted: new Map(state.halted) }
    const steps = messages.flatMap((message) => take(next, message, { ...options, checked }) ?? [])
    await open.recall(steps.flatMap(({ bundle }) => bundle.entries.flatMap(movedOn)))
    const gathering = gather()
    const bundles = steps.map((step) => foldStep(step, options.hash, open, gathering))
    if (bundles.length > 0) await store.write(gathering.batch())
    const halted = [...next.halted].filter(([key]) => !state.halted.has(key))
    state = next
    return { bundles, halted: halted.map(([, one]) => one) }
  }

  return {
    async fold(messages) {
      try {
        return await attempt(messages, false)
      } catch {
        // Entries are taken on trust; when one betrays it, this finds out whose it is.
        open.clear()
        return await attempt(messages, true)
      } finally {
        open.trim()
      }
    },
    halt: (one) => void state.halted.set(partitionKey(one), one),
    partitions: () => [...state.partitions.values()],
    halted: () => [...state.halted.values()],
  }
}

interface State {
  readonly partitions: Map<string, PartitionTable>
  readonly halted: Map<string, Halted>
}

/** Moves the state on. Undefined: folded before, or not to be folded. */
function take(
  { partitions, halted }: State,
  message: Stored,
  options: FolderOptions & { readonly checked: boolean },
): Step | undefined {
  const ref = partitionOfSubject(message.subject)
  const key = partitionKey(ref)
  const known = partitions.get(key)
  if (halted.has(key) || (known && message.seq <= known.seq)) return undefined
  try {
    const bundle = acceptBundle(message, known, options)
    const before = known ?? begin(ref, partitions.size + 1, options)
    const after = advance(before, bundle)
    partitions.set(key, after)
    return { bundle, before, after }
  } catch (cause) {
    if (!(cause instanceof ChainBroken)) throw cause
    halted.set(key, { ...ref, seq: message.seq, cause })
    return undefined
  }
}

/** A bundle, and its partition before and after it. */
interface Step {
  readonly bundle: Accepted
  readonly before: PartitionTable
  readonly after: PartitionTable
}

const registry: readonly Projection[] = Object.values(projections)

function foldStep(
  { bundle, before, after }: Step,
  hash: Hash,
  open: OpenRows,
  gathering: Gathering,
): FoldedBundle {
  const { header, seq, at } = bundle
  const { app, generation, slot, number: partition } = before
  let { definitions } = before
  const entries = bundle.entries.map((entry, ordinal): FoldedEntry => {
    const where = { app, generation, slot, partition, seq, bundle: header.number, ordinal }
    const place: Place = { ...where, definitions, hash }
    const moves = movesOf(entry, place, open.get)
    for (const { after: row } of moves) open.put(row)
    for (const { fold } of registry) {
      for (const change of fold(entry, place, moves)) gathering.add(change)
    }
    definitions = definitionsAfter(entry, definitions)
    return { entry, moves }
  })
  gathering.reached(after)
  return { header, seq, at, entries }
}

function begin(ref: PartitionRef, number: number, { stream }: FolderOptions): PartitionTable {
  if (number > partitionsMax) throw new Error(`more than ${partitionsMax} partitions`)
  const { app, generation, slot } = ref
  const none = { seq: 0, bundle: 0, hash: '', at: 0, definitions: 0, inputs: '{}' }
  const from = { stream: stream.name, stream_created: stream.createdAt }
  return { number, app, generation, slot, ...from, ...none }
}

function advance(
  before: PartitionTable,
  { header, seq, at, hash, entries }: Accepted,
): PartitionTable {
  return {
    ...before,
    seq,
    bundle: header.number,
    hash,
    at,
    definitions: entries.reduce(
      (number, entry) => definitionsAfter(entry, number),
      before.definitions,
    ),
    inputs: canonicalJson(header.positions),
  }
}

function definitionsAfter({ facts }: Entry, before: number): number {
  const [first] = facts
  return first?.kind === 'def.applied' ? first.number : before
}
