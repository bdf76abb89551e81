import { decode, type Entry, type InputRef, type Transition } from '@waybill/core'
import { ChainBroken, sha256, streamNames, subjects, walk, type JournalBundle } from '@waybill/log'
import { createReplayer } from '../../../packages/cli/src/replay/partition.ts'
import { createHistory, type PartitionSummary } from '../../../packages/cli/src/verify/history.ts'
import { appName, bindingOf, verdictOf } from '../app.ts'
import type { History } from './check.ts'
import type { Invariant, Violate } from './violation.ts'

/** An entry and where it lies. */
export interface Recorded {
  readonly entry: Entry
  readonly seq: number
  /** When its bundle was stored. */
  readonly storedAt: number
}

export interface Journal {
  readonly slot: number
  readonly entries: readonly Recorded[]
  readonly summary: PartitionSummary | undefined
  readonly tailSeq: number
  /** What was read, by the name of the position. */
  readonly reads: ReadonlyMap<string, readonly InputRef[]>
}

/** One partition's journal, walked, judged by the rules of `waybill verify`, and decided again. */
export async function readJournal(
  history: History,
  slot: number,
  violate: Violate,
): Promise<Journal> {
  const { log, topology } = history
  const { events: eventsStream, journal: stream } = streamNames(topology)
  const id = { app: appName, generation: topology.generation, slot }
  const rules = createHistory({ id, hash: sha256, eventsStream, fromStart: true })
  const replayer = createReplayer(id, sha256)
  const entries: Recorded[] = []
  let tailSeq = 0
  let diverged = false
  const subject = subjects(topology).journal(appName, slot)
  try {
    for await (const bundle of walk({ log, stream, subject })) {
      tailSeq = bundle.seq
      for (const { rule, what, dispatch } of rules.take(bundle)) {
        violate(
          invariantOf(rule),
          `${rule}: slot ${slot}, bundle ${bundle.header.number}: ${dispatch ?? ''} ${what}`,
        )
      }
      const divergence = diverged ? undefined : replayer.take(bundle)
      if (divergence) {
        diverged = true
        const [first] = divergence.differences
        violate('I10', `slot ${slot}, bundle ${bundle.header.number}: ${JSON.stringify(first)}`)
      }
      entries.push(...entriesOf(bundle))
    }
  } catch (cause) {
    if (!(cause instanceof ChainBroken)) throw cause
    violate('I11', `slot ${slot}: ${cause.at.why}`)
  }
  checkVerdicts(history, entries, violate)
  return { slot, entries, summary: rules.summary, tailSeq, reads: readsOf(entries) }
}

/** The rules of `waybill verify`, as invariants. */
function invariantOf(rule: string): Invariant {
  const [about = ''] = rule.split('.')
  switch (about) {
    case 'event':
      return 'I1'
    case 'attempt':
      return 'I3'
    case 'effect':
      return 'I4'
    case 'time':
      return 'I12'
    case 'dispatch':
      return rule === 'dispatch.one-end' || rule === 'dispatch.outcome' ? 'I2' : 'I11'
    default:
      return 'I11'
  }
}

/** Checked already when the rules took them: here only the plain values are wanted. */
const entriesOf = ({ entries, seq, at }: JournalBundle): Recorded[] =>
  entries.map((bytes) => ({ entry: decode(bytes) as unknown as Entry, seq, storedAt: at }))

function readsOf(entries: readonly Recorded[]): Map<string, InputRef[]> {
  const reads = new Map<string, InputRef[]>()
  for (const { entry } of entries) {
    if (!('ref' in entry.input) || !entry.input.ref) continue
    const { stream } = entry.input.ref
    reads.set(stream, [...(reads.get(stream) ?? []), entry.input.ref])
  }
  return reads
}

interface Moved extends Omit<Recorded, 'entry'> {
  readonly fact: Transition
  readonly at: number
}

export function* transitionsOf(entries: readonly Recorded[]): Generator<Moved> {
  for (const { entry, seq, storedAt } of entries) {
    for (const fact of entry.facts) {
      if (fact.kind === 'transition') yield { fact, at: entry.at, seq, storedAt }
    }
  }
}

/** What the host found out about each event is what the predicate says. */
function checkVerdicts({ options }: History, entries: readonly Recorded[], violate: Violate): void {
  for (const { entry, seq } of entries) {
    if (entry.input.kind !== 'event') continue
    const { head, verdicts } = entry.input
    for (const { binding, result } of verdicts) {
      const own = bindingOf(options, binding)
      if (!own) {
        violate('I1', `${head.id} at ${seq} was judged for ${binding}, which is not deployed`)
        continue
      }
      const tooDeep = head.chain.depth > own.maxChainDepth
      const expected = tooDeep ? 'unjudged' : verdictOf(options.seed, own, head.id)
      // Who has not this version's code leaves it to one who has.
      const isLeft = options.redeploy !== undefined && own.when === 'now' && result === 'ask'
      if (expected !== result && !isLeft) {
        violate('I1', `${head.id} at ${seq} for ${binding}: ${result}, should be ${expected}`)
      }
    }
  }
}
