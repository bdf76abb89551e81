import {
  createPartition,
  decode,
  parseEffectId,
  RULES,
  step,
  WaybillError,
  type Entry,
  type Fact,
  type Hash,
  type Input,
  type Partition,
  type PartitionId,
} from '@waybill/core'
import { differences, type Difference } from './difference.ts'
import type { Recorded } from './invariant.ts'

/** The place of an entry, in words that a person can find again. */
export interface Place {
  readonly app: string
  readonly slot: number
  /** Number of the bundle in its partition, and its sequence in the stream. */
  readonly bundle: number
  readonly seq: number
  /** Position of the entry in the bundle, from 0. */
  readonly entry: number
}

/** The first thing in which what is decided today is not what was decided then. */
export interface Divergence {
  readonly place: Place
  readonly at: number
  readonly input: Input['kind']
  /** The dispatch and its transition, where the difference lies in one. */
  readonly dispatch?: string
  readonly transition?: number
  readonly differences: readonly Difference[]
}

/** Saying "drift" where only the rules are missing would send people to look for a bug. */
export class OtherRules extends WaybillError {
  override readonly name = 'OtherRules'

  /** @param rules those that the journal was written under */
  constructor({ app, slot }: Pick<PartitionId, 'app' | 'slot'>, rules: number) {
    super({
      code: 'WB4103',
      what: `the journal was written under rules ${rules}, this build has rules ${RULES}`,
      where: `partition ${app}/${slot}`,
      why: 'deciding again under other rules would prove nothing',
      next: 'replay it with the build that wrote it',
    })
  }
}

export interface Replayer {
  readonly partition: Partition
  readonly entries: number
  readonly transitions: number
  /** Dispatches whose first transition was among them. */
  readonly dispatches: number
  /**
   * Decides every input of a bundle again and compares. Undefined: byte for byte the same. After
   * a difference the state is no longer the recorded one, so there is no going on.
   */
  take(recorded: Recorded, onEntry?: (entry: Entry, place: Place) => void): Divergence | undefined
}

/**
 * Replays a partition from its beginning, or from the state that a snapshot holds: the recorded
 * inputs, each at its recorded time, through the same `step` that production runs.
 *
 * @throws OtherRules when the journal was written under rules that this build does not have
 */
export function createReplayer(id: PartitionId, hash: Hash, from?: Partition): Replayer {
  const partition = from ?? createPartition(id, hash)
  const counts = { entries: 0, transitions: 0, dispatches: 0 }

  return {
    partition,
    get entries() {
      return counts.entries
    },
    get transitions() {
      return counts.transitions
    },
    get dispatches() {
      return counts.dispatches
    },
    take({ seq, header, entries }, onEntry) {
      if (header.rules !== RULES) throw new OtherRules(id, header.rules)
      for (const [at, bytes] of entries.entries()) {
        const place = { app: id.app, slot: id.slot, bundle: header.number, seq, entry: at }
        const stepped = again(partition, bytes)
        if (Buffer.compare(stepped.bytes, bytes) !== 0) {
          return diverged(place, decode(bytes) as unknown as Entry, stepped.entry)
        }
        note(counts, stepped.entry.facts)
        onEntry?.(stepped.entry, place)
      }
      return undefined
    },
  }
}

/**
 * Of the recorded entry only the input and its time are used, and neither is checked: what they
 * lead to is compared with the recorded bytes, in which they stand again. Checking them costs a
 * tenth of the whole. An input on which `step` throws is quarantined by it, which shows.
 */
function again(partition: Partition, bytes: Uint8Array): ReturnType<typeof step> {
  const { at, input } = decode(bytes) as unknown as Entry
  return step(partition, input, at)
}

function note(
  counts: { entries: number; transitions: number; dispatches: number },
  facts: readonly Fact[],
): void {
  counts.entries += 1
  for (const fact of facts) {
    if (fact.kind !== 'transition') continue
    counts.transitions += 1
    if (fact.index === 0) counts.dispatches += 1
  }
}

function diverged(place: Place, recorded: Entry, replayed: Entry): Divergence {
  const found = differences(recorded, replayed)
  return {
    place,
    at: recorded.at,
    input: recorded.input.kind,
    ...culprit(recorded, replayed, found),
    differences: found,
  }
}

/** The transition that the first difference lies in; facts are the cause, effects follow. */
function culprit(
  recorded: Entry,
  replayed: Entry,
  found: readonly Difference[],
): Pick<Divergence, 'dispatch' | 'transition'> {
  const fact = indexOf(found, 'facts')
  if (fact !== undefined) return ofFact(recorded.facts[fact] ?? replayed.facts[fact])
  const effect = indexOf(found, 'effects')
  if (effect === undefined) return {}
  return ofEffect((recorded.effects[effect] ?? replayed.effects[effect])?.id)
}

function indexOf(found: readonly Difference[], list: 'facts' | 'effects'): number | undefined {
  for (const { path } of found) {
    const [, index] = /^\w+\[(\d+)\]/.exec(path) ?? []
    if (index !== undefined && path.startsWith(list)) return Number(index)
  }
  return undefined
}

const ofFact = (fact: Fact | undefined): Pick<Divergence, 'dispatch' | 'transition'> =>
  fact?.kind === 'transition' ? { dispatch: fact.dispatch, transition: fact.index } : {}

function ofEffect(id: string | undefined): Pick<Divergence, 'dispatch' | 'transition'> {
  const effect = parseEffectId(id ?? '')
  return effect ? { dispatch: effect.dispatch, transition: effect.transition } : {}
}
