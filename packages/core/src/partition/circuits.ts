import type { KeyedLimit } from '../binding.ts'
import { circuitOf, faredOf } from '../dispatch/fared.ts'
import type { DispatchEvent } from '../dispatch/event.ts'
import type { Dispatch } from '../dispatch/record.ts'
import { isShut, listens, quietCircuit, told, type CircuitView } from '../ledger/circuit-state.ts'
import type { Opening } from '../ledger/fact.ts'
import { labelIn, type Place } from '../ledger/limit.ts'
import type { RuleOf } from '../ledger/rule.ts'
import { record } from './admission.ts'
import type { Draft } from './draft.ts'
import type { LetterBody } from './letter.ts'
import { homeOf, isHere, openingOf } from './home.ts'
import { post } from './outbox.ts'
import { manifestOf, withOverride } from './state.ts'

/*
 * How dispatches fared is told to the home of their circuit, from the first failure on: before that
 * there is nothing to remember, and no partition does anything. Another partition keeps a view: what
 * it told, and whether its dispatches are to ask first.
 */

type CircuitRule = RuleOf<'circuit'>

/** After each event of a dispatch that has limits. */
export function tellCircuit(draft: Draft, dispatch: Dispatch, event: DispatchEvent): void {
  const fared = faredOf(event)
  const behind = fared && circuitBehind(draft, dispatch)
  if (!behind) return
  const { partition } = draft
  const { id, origin, record: before } = dispatch
  const { limit, rule, place, probe } = behind
  if (fared === 'badly' && before.flow?.counted === true && !probe) return
  const outcome = { dispatch: id, ok: fared === 'well', probe }
  const opening = openingOf(partition, limit, place, origin.tenant)
  if (isHere(partition, limit, place)) return hearOutcome(draft, place.ledger, opening, outcome)
  const view = partition.views.get(place.ledger)
  if (!tells(view, rule, outcome, draft.at)) return
  const to = { ...homeOf(partition, limit, place), lane: 'answer' } as const
  post(draft, to, { kind: 'outcome', ledger: place.ledger, opening, ...outcome })
  noteTold(draft, place.ledger, view, outcome.ok)
}

interface Behind {
  readonly limit: KeyedLimit
  readonly rule: CircuitRule
  readonly place: Place
  /** Is it the one that was let through to find out? */
  readonly probe: boolean
}

function circuitBehind({ partition }: Draft, dispatch: Dispatch): Behind | undefined {
  const { origin, limits: places, record: before } = dispatch
  const { flow } = manifestOf(partition, origin.binding)
  const index = circuitOf({ flow })
  if (index === undefined) return undefined
  const limit = flow?.limits[index]
  const place = places?.[index]
  if (limit?.rule.kind !== 'circuit' || !place) return undefined
  const probe = before.flow?.held.some(([of]) => of === index) ?? false
  return { limit, rule: limit.rule, place, probe }
}

interface Outcome {
  readonly dispatch: string
  readonly ok: boolean
  readonly probe: boolean
}

const tells = (
  view: CircuitView | undefined,
  rule: CircuitRule,
  { ok, probe }: Outcome,
  at: number,
): boolean =>
  !ok || probe || (view !== undefined && listens({ ...view, row: view.failing ? 1 : 0 }, rule, at))

const unknown: CircuitView = { open: false, until: 0, failedAt: 0, failing: false }

function noteTold(draft: Draft, ledger: string, view = unknown, ok: boolean): void {
  const failedAt = ok ? view.failedAt : draft.at
  if (view.failedAt === failedAt && view.failing === !ok) return
  record(draft, { kind: 'ledger.viewed', ledger, view: { ...view, failedAt, failing: !ok } })
}

// --- at home ---------------------------------------------------------------------------------

function hearOutcome(draft: Draft, ledger: string, opening: Opening, outcome: Outcome): void {
  const { partition, at } = draft
  const { ledgers, rules } = partition
  const label = labelIn(ledger)
  const inForce = rules.get(label)
  const isNews = !inForce || inForce.since < opening.since
  const rule = withOverride(partition, label, isNews ? opening.rule : inForce.rule)
  // Another deploy made something else of the limit: there is nobody to tell.
  if (rule.kind !== 'circuit') return
  const known = ledgers.get(ledger)?.circuit
  const circuit = told(known ?? quietCircuit, rule, outcome, at)
  if (!circuit) return
  const news = isNews || !known ? opening : undefined
  record(draft, { kind: 'ledger.told', ledger, opening: news, ...outcome, circuit })
}

/** A letter of another partition. */
export function takeOutcome(
  draft: Draft,
  from: string,
  { kind: _, ledger, opening, ...outcome }: Extract<LetterBody, { kind: 'outcome' }>,
): void {
  hearOutcome(draft, ledger, opening, outcome)
  const circuit = draft.partition.ledgers.get(ledger)?.circuit
  if (circuit && isShut(circuit, draft.at)) tellState(draft, from, ledger, true)
}

/** @param to the sender's id in a letter: its app and slot */
export function tellState(draft: Draft, to: string, ledger: string, open: boolean): void {
  const [app = '', slot] = to.split('/')
  const circuit = draft.partition.ledgers.get(ledger)?.circuit ?? quietCircuit
  const { until, held } = open ? circuit : quietCircuit
  const receiver = { app, slot: Number(slot), lane: 'answer' } as const
  post(draft, receiver, { kind: 'circuitState', ledger, open, until, ...(held && { held }) })
}

// --- elsewhere -------------------------------------------------------------------------------

export function takeState(
  draft: Draft,
  { ledger, open, until, held }: Omit<Extract<LetterBody, { kind: 'circuitState' }>, 'kind'>,
): void {
  const known = draft.partition.views.get(ledger)
  const { held: _held, ...before } = known ?? unknown
  const after = { ...before, open, until, ...(held && { held }) }
  if (known ? isSame(known, after) : !open) return
  record(draft, { kind: 'ledger.viewed', ledger, view: says(after) ? after : undefined })
}

const isSame = (a: CircuitView, b: CircuitView): boolean =>
  a.open === b.open && a.until === b.until && a.held === b.held

const says = ({ open, failedAt }: CircuitView): boolean => open || failedAt > 0
