import type { Entry, Hash, PartitionId, Transition } from '@waybill/core'
import { decodeEntry } from '@waybill/log'
import { Complaints, listeners, type Listeners, type Watching } from './complaints.ts'
import type { Complain, Finding } from './finding.ts'
import type { Inputs, Invariant, Recorded, Taken } from './invariant.ts'
import { invariants } from './invariants.ts'
import { eventsAfter, noteInput, nothingKnown, type Known } from './known.ts'
import type { EventPlace, Reads } from './lanes.ts'

export interface PartitionSummary {
  readonly app: string
  readonly slot: number
  readonly bundles: number
  readonly entries: number
  readonly started: number
  readonly open: number
  /** Final state -> how many. */
  readonly ended: Readonly<Record<string, number>>
  readonly epochs: number
  readonly firstNumber: number
  readonly lastNumber: number
}

/**
 * One partition's journal as it goes by the invariants: it asks whether what is recorded hangs
 * together, and knows neither the machine nor `step`.
 */
export interface History {
  take(recorded: Recorded): readonly Finding[]
  /** Nothing more comes: what was read is held against what was there to read. */
  end(): Promise<readonly Finding[]>
  readonly summary: PartitionSummary
  /** What it read, by the name of the position. */
  readonly reads: ReadonlyMap<string, Reads>
  /** Where its events begin, as far as this journal tells; undefined: it was never deployed. */
  readonly eventsAfter: EventPlace | undefined
}

export interface HistoryOptions {
  readonly id: PartitionId
  readonly hash: Hash
  readonly eventsStream: string
  /** The first bundle that will be taken is the partition's first. */
  readonly fromStart: boolean
  readonly inputs?: Inputs | undefined
  /** Besides those of this package. */
  readonly also?: readonly Invariant[] | undefined
  /** Who looks at all partitions together. */
  readonly across?: readonly Watching[] | undefined
}

export function createHistory(options: HistoryOptions): History {
  const { id, hash, fromStart, eventsStream, inputs } = options
  const known = nothingKnown()
  const { reads, dispatches, books } = known
  const scope = { id, hash, eventsStream, fromStart, dispatches, books, reads, inputs }
  const own = [...invariants, ...(options.also ?? [])].flatMap((one) =>
    one.of === 'partition' ? [{ law: one.law, watcher: one.watch(scope) }] : [],
  )
  const complaints = new Complaints(id)
  const told = listeners([...own, ...(options.across ?? [])], complaints)
  const counts = { bundles: 0, entries: 0, epochs: 0, firstNumber: 0, lastNumber: 0 }

  function takeBundle(bundle: Recorded): void {
    const { header, seq, entries } = bundle
    complaints.at = { bundle: header.number, seq }
    for (const [index, bytes] of entries.entries()) {
      complaints.at.entry = index
      const entry = decoded(bytes, complaints.under('I11'))
      if (entry) takeEntry(known, told, { id, entry, hash: hash.bytes(bytes), bundle })
      if (entry) counts.entries += 1
    }
    delete complaints.at.entry
    for (const tell of told.bundle) tell(bundle)
    known.reached = header.positions[eventsStream]
  }

  return {
    reads,
    get eventsAfter() {
      return eventsAfter(known, eventsStream, fromStart)
    },
    take(bundle) {
      takeBundle(bundle)
      const { number, epoch } = bundle.header
      counts.bundles += 1
      counts.epochs = epoch
      counts.firstNumber ||= number
      counts.lastNumber = number
      return complaints.taken()
    },
    async end() {
      complaints.at = { bundle: 0, seq: 0 }
      for (const { law, watcher } of own) await watcher.end?.(complaints.under(law))
      return complaints.taken()
    },
    get summary() {
      const { started, open, ended } = dispatches
      const { app, slot } = id
      return { app, slot, ...counts, started, open: open.size, ended: Object.fromEntries(ended) }
    },
  }
}

function takeEntry(known: Known, told: Listeners, taken: Taken): void {
  for (const tell of told.entry) tell(taken)
  noteInput(known, taken.entry)
  const { at, facts } = taken.entry
  known.books.begin(taken.entry)
  for (const fact of facts) {
    known.books.open(fact, at)
    for (const tell of told.fact) tell(fact, taken)
    if (fact.kind === 'transition') takeTransition(known, told, taken, fact)
    known.dispatches.take(fact, taken.entry, taken.hash)
    known.books.take(fact, at)
  }
  for (const tell of told.decided) tell(taken)
}

function takeTransition(
  { dispatches, manifests }: Known,
  told: Listeners,
  taken: Taken,
  fact: Transition,
): void {
  if (dispatches.gone.has(fact.dispatch)) return
  const before = dispatches.open.get(fact.dispatch)
  const manifest = manifests.get(fact.origin?.binding ?? before?.binding ?? '')
  const move = { ...taken, fact, before, manifest }
  for (const tell of told.transition) tell(move)
}

function decoded(bytes: Uint8Array, complain: Complain): Entry | undefined {
  try {
    return decodeEntry(bytes)
  } catch (cause) {
    complain('entry.decodes', cause instanceof Error ? cause.message : 'it cannot be decoded')
    return undefined
  }
}
