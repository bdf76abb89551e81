import {
  apply,
  candidates,
  createPartition,
  manifestOf,
  type Entry,
  type Fact,
  type InputOf,
  type Manifest,
  type Partition,
  type PartitionId,
  type WaybillEvent,
} from '@waybill/core'
import { decodeEntry } from '@waybill/log'
import type { Recorded } from '@waybill/history'

/** What an entry is in a slice for. */
export type Role =
  /** It moved the dispatch: decided again and compared. */
  | 'move'
  /** A new owner of the partition: what ran was lost. Taken as given. */
  | 'epoch'
  /** Began the bulk command that a later tick carried out. Taken as given. */
  | 'bulk'

export interface SliceEntry {
  readonly role: Role
  /** Sequence in the journal's stream, number of the bundle, place in it. */
  readonly seq: number
  readonly bundle: number
  readonly index: number
  readonly bytes: Uint8Array
}

/** What the partition knew when the event came, as far as this dispatch is concerned. */
export interface Seed {
  readonly at: number
  /** Dispatches started before those of this event. */
  readonly started: number
  readonly definitions: number
  /** Those of the bindings that the event might have started. */
  readonly manifests: readonly Manifest[]
  readonly epoch: {
    readonly number: number
    readonly instance: string
    readonly incarnation: string
    readonly barren: number
    readonly hosts: readonly string[]
  }
  readonly streams: Readonly<Record<string, string>>
  /** Binding id -> the version from which a pause held the event back. */
  readonly owed?: Readonly<Record<string, string>> | undefined
}

/**
 * Everything that one dispatch's life depended on, and nothing else of its partition: enough for
 * the production `step` to make each of its transitions again, offline.
 */
export interface Slice {
  readonly id: PartitionId
  readonly dispatch: string
  readonly rules: number
  readonly seed: Seed
  readonly entries: readonly SliceEntry[]
  /** Absent when retention has removed it: replay does without, `--against` then keeps verdicts. */
  readonly event?: WaybillEvent
}

export interface SliceTaker {
  /** Has the dispatch ended? Nothing comes after that. */
  readonly ended: boolean
  take(recorded: Recorded): void
  /** Undefined: its first transition was not among the bundles. */
  slice(): Slice | undefined
}

/** Walks a partition's journal and keeps what one dispatch needs. */
export function createSliceTaker(id: PartitionId, dispatch: string, from?: Partition): SliceTaker {
  const partition = from ?? createPartition(id, unhashed)
  /** Letters that began a bulk command still under way, by their id. */
  const bulks = new Map<string, SliceEntry>()
  const entries: SliceEntry[] = []
  let seed: Seed | undefined
  let rules = 0
  let ended = false

  function takeEntry(entry: Entry, at: Omit<SliceEntry, 'role'>): void {
    for (const fact of entry.facts)
      if (fact.kind === 'bulk.began') bulks.set(fact.letter, { ...at, role: 'bulk' })
    const mine = entry.facts.find((fact) => isAbout(fact, dispatch))
    if (!mine) {
      if (entry.input.kind === 'epoch' && seed) entries.push({ ...at, role: 'epoch' })
      return
    }
    seed ??= seedOf(partition, entry, dispatch)
    for (const letter of bulksOf(entry)) {
      const began = bulks.get(letter)
      if (began && !entries.includes(began)) entries.push(began)
    }
    entries.push({ ...at, role: 'move' })
    ended = endsWith(mine)
  }

  return {
    get ended() {
      return ended
    },
    take({ seq, header, entries: recorded }) {
      rules = header.rules
      for (const [index, bytes] of recorded.entries()) {
        if (ended) return
        const entry = decodeEntry(bytes)
        takeEntry(entry, { seq, bundle: header.number, index, bytes })
        apply(partition, entry, '')
      }
    },
    slice() {
      return seed && { id, dispatch, rules, seed, entries }
    },
  }
}

/** Chains are checked over the bytes of the entries; a fold that only looks need not hash. */
const unhashed = { text: () => '', bytes: () => '' }

const isAbout = (fact: Fact, dispatch: string): boolean =>
  (fact.kind === 'transition' || fact.kind === 'dispatch.quarantined') && fact.dispatch === dispatch

const bulksOf = (entry: Entry): readonly string[] =>
  entry.facts.flatMap((fact) => (fact.kind === 'bulk.advanced' ? [fact.letter] : []))

const endsWith = (fact: Fact): boolean =>
  fact.kind === 'dispatch.quarantined' ||
  (fact.kind === 'transition' && fact.record.outcome !== undefined)

function seedOf(partition: Partition, entry: Entry, dispatch: string): Seed | undefined {
  const { input } = entry
  if (input.kind !== 'event' && input.kind !== 'held' && input.kind !== 'letter') return undefined
  const { at, definitions, streams, epoch } = partition
  return {
    at,
    started: partition.started,
    definitions,
    epoch: { ...epoch, hosts: [...epoch.hosts] },
    streams,
    ...(input.kind === 'held' ? owedIn(partition, input) : known(partition, entry, dispatch)),
  }
}

/** What the event might have started; a command starts one binding and no other. */
function known(
  partition: Partition,
  { input, facts }: Entry,
  dispatch: string,
): Pick<Seed, 'manifests'> {
  if (input.kind === 'event') return { manifests: candidates(partition, input.head.type) }
  const manifests = facts.flatMap((fact) =>
    fact.kind === 'transition' && fact.dispatch === dispatch && fact.origin
      ? [manifestOf(partition, fact.origin.binding)]
      : [],
  )
  return { manifests }
}

/** The versions that were paused, then those that are given the event: of one id the last counts. */
function owedIn(
  partition: Partition,
  { verdicts }: InputOf<'held'>,
): Required<Pick<Seed, 'manifests' | 'owed'>> {
  const owed: Record<string, string> = {}
  for (const { binding } of verdicts) {
    const { id } = manifestOf(partition, binding)
    owed[id] = partition.held.get(id)?.runs[0]?.binding ?? binding
  }
  const keys = new Set([...Object.values(owed), ...verdicts.map(({ binding }) => binding)])
  const manifests = [...keys].map((key) => manifestOf(partition, key))
  return { manifests, owed }
}
