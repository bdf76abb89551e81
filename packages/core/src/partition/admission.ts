import type { KeyedLimit, Manifest } from '../binding.ts'
import type { DispatchEvent } from '../dispatch/event.ts'
import type { Flow, Standing } from '../dispatch/flow.ts'
import type { Dispatch, InputRef } from '../dispatch/record.ts'
import { gateOf } from '../ledger/gates.ts'
import { createLedger, isPermitRule, knows, type Ledger } from '../ledger/ledger.ts'
import { labelIn, type Place } from '../ledger/limit.ts'
import type { Opening } from '../ledger/fact.ts'
import { keyOf, type Answer, type Ticket } from '../ledger/ticket.ts'
import type { Draft } from './draft.ts'
import { applyLedgerFact, ruleIn, type LedgerFact } from './ledgers.ts'
import { post } from './outbox.ts'
import { manifestOf, withOverride, type Partition } from './state.ts'
import { homeOf, isHere, openingOf } from './home.ts'
import { stoppedBy } from './stopped.ts'
import { mustAskCircuit } from './views.ts'

/** A dispatch that asks its limits to let it in. */
export interface Applicant {
  readonly id: string
  readonly binding: Manifest
  readonly tenant: string
  /** Place of its event in the stream of events. */
  readonly order: readonly [seq: number, index: number]
  readonly limits?: readonly Place[] | undefined
  /** It runs another one again: what only one in a row passes, that one has passed. */
  readonly rerun?: boolean
}

export function applicantOf(partition: Partition, { id, origin, limits }: Dispatch): Applicant {
  const { binding, tenant, ref } = origin
  const rerun = origin.rerunOf !== undefined
  return { id, binding: manifestOf(partition, binding), tenant, order: orderOf(ref), limits, rerun }
}

export const orderOf = ({ seq, index }: InputRef): readonly [number, number] => [seq, index]

/**
 * Asks limit after limit, from one of them on, until one does not let it in. A ledger of this very
 * partition answers in the same step; another is asked by letter.
 *
 * @param before undefined: it asks for the first time
 * @returns undefined: its binding has no limits
 */
export function admit(
  draft: Draft,
  applicant: Applicant,
  from: number,
  before: Flow | undefined,
): Standing | undefined {
  const limits = applicant.binding.flow?.limits
  if (!limits) return undefined
  expectPlaces(applicant, limits.length)
  const { admission, held: had, standsFor, counted } = before ?? unasked
  const held = [...had]
  for (const [index, limit] of limits.entries()) {
    if (index < from || isPassed(draft, applicant, limit, { index, admission, held })) continue
    const answered = askFor(draft, applicant, index, admission)
    const asked = { admission, held, asked: index, since: draft.at, standsFor, counted }
    if (answered.result === 'sent') {
      return { result: 'waiting', flow: { ...asked, letter: answered.letter } }
    }
    const { gate, answer } = answered
    const stopped = stoppedBy(limit, asked, gate, answer)
    if (stopped) return stopped
    if (answered.holds) held.push([index, admission])
  }
  return { result: 'open', flow: { admission, held, standsFor, counted } }
}

const unasked: Flow = { admission: 1, held: [] }

function expectPlaces({ id, limits = [] }: Applicant, count: number): void {
  if (limits.length !== count) throw new Error(`${id} has ${limits.length} of ${count} limits`)
}

const isPermit = ({ rule }: KeyedLimit): boolean => isPermitRule(rule)

/**
 * What only counts, or gathers, is passed once in a life (SEMANTICS 7); a circuit before every
 * attempt, but it is not asked while nothing is wrong with it.
 */
function isPassed(
  { partition, at }: Draft,
  { limits, rerun }: Applicant,
  limit: KeyedLimit,
  so: { readonly index: number; readonly admission: number; readonly held: Flow['held'] },
): boolean {
  if (so.held.some(([one]) => one === so.index)) return true
  const place = limits?.[so.index]
  if (limit.rule.kind === 'circuit' && place) {
    return !mustAskCircuit(partition, place.ledger, isHere(partition, limit, place), at)
  }
  return (rerun === true && isOncePerEvent(limit)) || (so.admission > 1 && !isPermit(limit))
}

/** What an event has passed, or waited for, it does not meet again in a rerun (rule 14.4). */
const isOncePerEvent = ({ rule }: KeyedLimit): boolean =>
  ['batch', 'debounce', 'rateLimit'].includes(rule.kind)

/**
 * Must it ask for permits that it gave back before it may run again, or a circuit that it was turned
 * back by, or that has opened since?
 */
function mustAskAgain(draft: Draft, applicant: Applicant, { held, why }: Flow): boolean {
  return (applicant.binding.flow?.limits ?? []).some((limit, index) =>
    isPermit(limit)
      ? !held.some(([one]) => one === index)
      : limit.rule.kind === 'circuit' &&
        (why !== undefined || !isPassed(draft, applicant, limit, { index, admission: 1, held })),
  )
}

/** The next admission, for the permits that it gave back while it waited (rule 7.7). */
export function admitAgain(draft: Draft, dispatch: Dispatch): Standing | undefined {
  const { flow } = dispatch.record
  const applicant = applicantOf(draft.partition, dispatch)
  if (!flow || !mustAskAgain(draft, applicant, flow)) return undefined
  return admit(draft, applicant, 0, { ...flow, admission: flow.admission + 1 })
}

type Asked =
  | {
      readonly result: 'answered'
      readonly gate: string
      readonly answer: Answer
      /** It has a permit there now, which the rule in force decides, not the one it was made with. */
      readonly holds: boolean
    }
  | { readonly result: 'sent'; readonly letter: number }

function askFor(draft: Draft, applicant: Applicant, index: number, admission: number): Asked {
  const { partition } = draft
  const { id: dispatch, binding, tenant, order } = applicant
  const place = applicant.limits?.[index] as Place // as many as limits
  const limit = binding.flow?.limits[index] as KeyedLimit
  const ticket: Ticket = {
    dispatch,
    admission,
    index,
    app: partition.app,
    slot: partition.slot,
    tenant,
    rank: ranks[binding.priority],
    order: [...order],
    bytes: place.bytes,
  }
  const opening = openingOf(partition, limit, place, tenant)
  if (isHere(partition, limit, place)) {
    const { ledger: gate } = place
    const answer = ask(draft, gate, opening, ticket)
    const holds = partition.ledgers.get(gate)?.holders.has(keyOf(ticket)) ?? false
    return { result: 'answered', gate, answer, holds }
  }
  const to = { ...homeOf(partition, limit, place), lane: 'ask' } as const
  return {
    result: 'sent',
    letter: post(draft, to, { kind: 'reserve', ledger: place.ledger, opening, ticket }),
  }
}

const ranks = { critical: 0, high: 1, normal: 2, low: 3 } as const

/** Asks a ledger of this partition. */
export function ask(draft: Draft, ledger: string, opening: Opening, ticket: Ticket): Answer {
  const known = draft.partition.ledgers.get(ledger)
  if (known && knows(known, keyOf(ticket))) return answeredBefore(known, ticket)
  return judged(draft, ledger, known, opening, ticket)
}

function judged(
  draft: Draft,
  ledger: string,
  known: Ledger | undefined,
  opening: Opening,
  ticket: Ticket,
): Answer {
  const { partition, at } = draft
  const label = labelIn(ledger)
  const inForce = partition.rules.get(label)
  const isNews = !inForce || inForce.since < opening.since
  const isNew = isNews || (!known && opening.key !== undefined)
  const rule = isNews ? withOverride(partition, label, opening.rule) : ruleIn(partition, ledger)
  const state = known ?? createLedger({ id: ledger, tenant: opening.tenant, key: opening.key })
  const answer = gateOf(rule).judge(state, rule, ticket, at)
  record(draft, {
    kind: 'ledger.asked',
    ledger,
    opening: isNew ? opening : undefined,
    ticket,
    answer,
  })
  if (answer.result === 'waiting') draft.touched.add(ledger)
  if (isNews && inForce) record(draft, { kind: 'ledger.backlog', ledger: label })
  return answer
}

/** Asking twice is asking once. */
const answeredBefore = ({ holders }: Ledger, ticket: Ticket): Answer => ({
  result: holders.has(keyOf(ticket)) ? 'granted' : 'waiting',
  numbers: {},
})

/** Decides a ledger's move, and makes it: the next decision of this step rests on it. */
export function record(draft: Draft, fact: LedgerFact): void {
  draft.facts.push(fact)
  draft.ledgers.add(fact.ledger)
  draft.undo.push(applyLedgerFact(draft.partition, fact, draft.at))
  draft.weight += factBytes
}

/** Measured 150 to 400. */
const factBytes = 500

/** What it had before this event and has no more is given back, once, whatever the way it went. */
export function giveBack(
  draft: Draft,
  applicant: Applicant,
  before: Flow | undefined,
  event: DispatchEvent,
  after: Flow | undefined,
): void {
  const taken = 'standing' in event ? event.standing?.flow : undefined
  const { held: had } = taken ?? before ?? unasked
  const { held: keeps, asked } = after ?? unasked
  giveBackHeld(draft, applicant, had, keeps)
  // Who was answered has no place in that queue any more.
  if (before?.asked === undefined || before.asked === asked || answers.has(event.type)) return
  giveBackOne(draft, applicant, before.asked, before.admission, before.letter)
}

function giveBackHeld(
  draft: Draft,
  applicant: Applicant,
  had: Flow['held'],
  keeps: Flow['held'],
): void {
  for (const [index, admission] of had.toReversed()) {
    if (keeps.some(([kept]) => kept === index)) continue
    giveBackOne(draft, applicant, index, admission)
  }
}

const answers: ReadonlySet<string> = new Set(['gate.granted', 'gate.refused', 'circuit.answered'])

/** All that a dispatch has, when it ends without its machine being asked. */
export function giveBackAll(draft: Draft, dispatch: Dispatch): void {
  const { flow } = dispatch.record
  if (!flow) return
  const applicant = applicantOf(draft.partition, dispatch)
  for (const [index, admission] of flow.held) giveBackOne(draft, applicant, index, admission)
  if (flow.asked === undefined) return
  giveBackOne(draft, applicant, flow.asked, flow.admission, flow.letter)
}

/** @param letter that asked, where no answer came yet: it may be on its way still */
function giveBackOne(
  draft: Draft,
  { id: dispatch, binding, limits }: Applicant,
  index: number,
  admission: number,
  letter?: number,
): void {
  const place = limits?.[index]
  const limit = binding.flow?.limits[index]
  if (!place || !limit) throw new Error(`${dispatch} has no limit ${index}`)
  const { ledger } = place
  const ticket = keyOf({ dispatch, admission })
  const { partition } = draft
  if (isHere(partition, limit, place)) release(draft, ledger, ticket)
  else {
    const to = { ...homeOf(partition, limit, place), lane: 'answer' } as const
    post(draft, to, { kind: 'release', ledger, ticket, letter })
  }
}

/** False: it has nothing here. */
export function release(draft: Draft, ledger: string, ticket: string): boolean {
  const state = draft.partition.ledgers.get(ledger)
  if (!state || !knows(state, ticket)) return false
  record(draft, { kind: 'ledger.left', ledger, ticket })
  draft.touched.add(ledger)
  return true
}
