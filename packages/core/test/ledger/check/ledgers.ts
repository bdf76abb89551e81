import {
  isFinal,
  keyOf,
  type Entry,
  type Fact,
  type FactOf,
  type Outcome,
  type PartitionId,
  type Place,
} from '../../../src/index.ts'
import {
  bookOf,
  createBooks,
  followDefinition,
  followMove,
  followOpening,
  ruleFor,
  type Books,
  type MoveFact,
} from './books.ts'
import { faultsOf } from './laws.ts'

export interface Violation {
  /** Which entry of the journal, from 0. */
  readonly at: number
  readonly ledger: string
  readonly fault: string
}

/** Everything that the ledgers of one partition did, held against their rules. */
export function ledgerViolations(id: PartitionId, entries: readonly Entry[]): readonly Violation[] {
  const books = createBooks()
  const claims: Claims = new Map()
  const violations: Violation[] = []
  for (const [at, entry] of entries.entries()) {
    followDefinition(books, entry)
    for (const fact of entry.facts) {
      if (isMove(fact)) violations.push(...follow(books, fact, entry.at, at))
      else noteClaims(claims, fact)
    }
    violations.push(...unclaimed(id, books, claims, entry, at))
  }
  return violations
}

const moves: ReadonlySet<string> = new Set<MoveFact['kind']>([
  'ledger.asked',
  'ledger.granted',
  'ledger.evicted',
  'ledger.revoked',
  'ledger.left',
])
const isMove = (fact: Fact): fact is MoveFact => moves.has(fact.kind)

function follow(books: Books, fact: MoveFact, at: number, index: number): Violation[] {
  const { ledger } = fact
  if (fact.kind === 'ledger.asked') followOpening(books, fact, at)
  const rule = ruleFor(books, ledger)
  // A ticket that is void asks nothing.
  if (fact.kind === 'ledger.asked' && fact.answer.result === 'refused' && !rule) return []
  if (!rule) return [{ at: index, ledger, fault: `${fact.kind} without a rule` }]
  const book = bookOf(books, ledger)
  const faults = [...faultsOf(book, rule, fact, at)]
  followMove(book, rule, fact, at)
  return faults.map((fault) => ({ at: index, ledger, fault: `${rule.kind}: ${fault}` }))
}

/** Dispatch -> `<ledger> <ticket>` of what it says that it holds, and where its ledgers are. */
type Claims = Map<string, { readonly held: ReadonlySet<string>; readonly places: readonly Place[] }>

function noteClaims(claims: Claims, fact: Exclude<Fact, MoveFact>): void {
  if (fact.kind === 'dispatch.quarantined') claims.delete(fact.dispatch)
  if (fact.kind !== 'transition') return
  const { dispatch, event, record } = fact
  const places = ('limits' in event ? event.limits : undefined) ?? claims.get(dispatch)?.places
  if (isFinal(record.state) || !places) {
    claims.delete(dispatch)
    return
  }
  const held = (record.flow?.held ?? []).map(
    ([index, admission]) => `${places[index]?.ledger} ${keyOf({ dispatch, admission })}`,
  )
  claims.set(dispatch, { held: new Set(held), places })
}

/** Between two entries a permit of a ledger here is held by whoever says so, and by nobody else. */
function* unclaimed(
  { app, slot }: PartitionId,
  books: Books,
  claims: Claims,
  { facts }: Entry,
  at: number,
): Iterable<Violation> {
  const touched = new Set(facts.filter(isMove).map(({ ledger }) => ledger))
  for (const ledger of touched) {
    for (const [key, ticket] of bookOf(books, ledger).holders) {
      if (ticket.app !== app || ticket.slot !== slot) continue
      if (claims.get(ticket.dispatch)?.held.has(`${ledger} ${key}`)) continue
      yield { at, ledger, fault: `${key} holds what its dispatch does not know of` }
    }
  }
}

// --- several partitions ----------------------------------------------------------------------

export interface Journal {
  readonly id: PartitionId
  readonly entries: readonly Entry[]
}

/** Each member is in one batch, and it ends as merged into its leader, unless it was ended before. */
export function batchViolations(journals: readonly Journal[]): readonly string[] {
  const facts = journals.flatMap(({ entries }) => entries.flatMap((entry) => entry.facts))
  const leaders = new Map<string, string>()
  const faults: string[] = []
  for (const fact of facts) {
    if (fact.kind !== 'ledger.granted') continue
    for (const member of fact.members ?? []) {
      if (leaders.has(member)) faults.push(`${member} is in two batches`)
      leaders.set(member, fact.ticket)
    }
  }
  const led = [...leaders.values()].filter((leader) => leaders.has(leader))
  faults.push(...led.map((leader) => `${leader} leads and is led`))
  const ends = new Map(facts.filter(isEnd).map((end) => [end.dispatch, end.record.outcome]))
  for (const [member, leader] of leaders) {
    const outcome = ends.get(dispatchIn(member))
    if (outcome && !isMerged(outcome, dispatchIn(leader))) {
      faults.push(`${member}, merged into ${leader}, is ${outcome.status}`)
    }
  }
  return faults
}

const dispatchIn = (ticket: string): string => ticket.slice(0, ticket.indexOf('#'))

/** Or it ended of something else before it was told. */
const isMerged = (outcome: Outcome, leader: string): boolean =>
  outcome.status === 'cancelled' ||
  outcome.status === 'dlq' ||
  (outcome.status === 'skipped' && outcome.reason.includes(leader))

const isEnd = (fact: Fact): fact is FactOf<'transition'> =>
  fact.kind === 'transition' && fact.record.outcome !== undefined

/** Letters of a sender are taken, or skipped, in the order of their numbers, each once. */
export function mailViolations(journals: readonly Journal[]): readonly string[] {
  const faults: string[] = []
  for (const { id, entries } of journals) {
    const last = new Map<string, number>()
    for (const entry of entries) {
      const read = readIn(entry)
      if (!read) continue
      const before = last.get(read.lane) ?? 0
      if (read.number !== before + 1) {
        faults.push(`${id.app}/${id.slot} takes ${read.number} of ${read.lane} after ${before}`)
      }
      last.set(read.lane, read.number)
    }
  }
  return faults
}

function readIn({ input, facts }: Entry): { lane: string; number: number } | undefined {
  const skipped = facts.find((fact) => fact.kind === 'letter.skipped')
  if (skipped) return { lane: `${skipped.from} ${skipped.stream}`, number: skipped.number }
  if (input.kind !== 'letter' || input.letter.from.kind !== 'partition') return undefined
  if (!facts.some(({ kind }) => kind === 'letter.taken')) return undefined
  const { from } = input.letter
  return { lane: `${from.id} ${input.ref.stream}`, number: from.number ?? 0 }
}
