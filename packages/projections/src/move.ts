import { type DispatchOrigin, type DispatchRecord, type Entry, type Fact } from '@waybill/core'
import { heldOf } from './held.ts'
import { canonicalJson } from './json.ts'
import type { Move, Place } from './projection.ts'
import { dispatchNumber, type DispatchTable } from './tables.ts'

/** Rows of dispatches as they were before the entry. */
export type Known = (dispatch: string) => DispatchTable | undefined

/**
 * The moves of an entry. A dispatch whose beginning the journal no longer holds has no row and
 * moves nothing: all that its later transitions say is about a row that cannot be made.
 */
export function movesOf(entry: Entry, place: Place, known: Known): readonly Move[] {
  const moves: Move[] = []
  for (const fact of entry.facts) {
    const move = moveOf(fact, entry, place, known)
    if (move) moves.push(move)
  }
  return moves
}

/** Dispatches that the entry moves on, or speaks of, and that began before it. */
export function movedOn(entry: Entry): readonly string[] {
  const ids: string[] = []
  for (const fact of entry.facts) {
    if (fact.kind === 'dispatch.quarantined') ids.push(fact.dispatch)
    if (fact.kind === 'dead.redriven' || fact.kind === 'dead.discarded') ids.push(fact.dispatch)
    if (fact.kind !== 'transition') continue
    // What runs again begins with what is known of the one before.
    const id = fact.origin === undefined ? fact.dispatch : fact.origin.rerunOf
    if (id !== undefined) ids.push(id)
  }
  return ids
}

function moveOf(fact: Fact, entry: Entry, place: Place, known: Known): Move | undefined {
  if (fact.kind === 'transition') {
    const { dispatch, origin, record } = fact
    const before = origin ? undefined : known(dispatch)
    const base = origin ? began(dispatch, origin, entry, place, known) : before
    return base && { before, after: { ...base, ...latest(record) }, fact }
  }
  if (fact.kind === 'dead.redriven' || fact.kind === 'dead.discarded') {
    const dead = known(fact.dispatch)
    return dead && { before: dead, after: dead, fact }
  }
  if (fact.kind !== 'dispatch.quarantined') return undefined
  const before = known(fact.dispatch)
  return before && { before, after: { ...before, ...quarantined(before, fact) }, fact }
}

type Began = Omit<DispatchTable, keyof Latest>
type Latest = ReturnType<typeof latest>

/** Undefined: it runs one again of which the journal no longer tells anything. */
function began(
  id: string,
  origin: DispatchOrigin,
  entry: Entry,
  place: Place,
  known: Known,
): Began | undefined {
  const cause = causeOf(origin, entry, known)
  if (!cause) return undefined
  const at = origin.binding.lastIndexOf('@v')
  return {
    number: dispatchNumber(place.partition, origin.ordinal),
    id,
    app: place.app,
    binding: origin.binding.slice(0, at),
    version: Number(origin.binding.slice(at + 2)),
    event: origin.event,
    ...cause,
    tenant: origin.tenant,
    key: origin.key ?? null,
    rerun_of: origin.rerunOf ?? null,
    started_at: entry.at,
  }
}

type Cause = Pick<Began, 'type' | 'source' | 'subject' | 'root' | 'depth' | 'parent'>

/** What the event was: told by the input, or known of the dispatch that is run again. */
function causeOf(origin: DispatchOrigin, { input }: Entry, known: Known): Cause | undefined {
  if ('head' in input) {
    const { type, source, subject, chain } = input.head
    const { root, depth, parent = null } = chain
    return { type, source, subject: subject ?? null, root, depth, parent }
  }
  const before = origin.rerunOf === undefined ? undefined : known(origin.rerunOf)
  if (!before) return undefined
  const { type, source, subject, root, depth, parent } = before
  return { type, source, subject, root, depth, parent }
}

/** What a record says of its row. */
export function latest(record: DispatchRecord) {
  const { state, waitFor, outcome, error, attempt, spent, index, at, timers } = record
  return {
    state,
    wait_for: waitFor ?? null,
    outcome: outcome === undefined || state === 'succeeded' ? null : canonicalJson(outcome),
    error: error === undefined ? null : canonicalJson(error),
    attempt,
    spent,
    transitions: index,
    at,
    due_at: earliest(timers),
    held: heldOf(record),
  }
}

/** What `apply` does to the record: there is no transition to take it from. */
function quarantined(
  before: DispatchTable,
  { at, reason }: Extract<Fact, { kind: 'dispatch.quarantined' }>,
): Partial<DispatchTable> {
  return {
    state: 'dlq',
    wait_for: null,
    outcome: canonicalJson({ status: 'dlq', reason }),
    transitions: before.transitions + 1,
    at,
    due_at: null,
    held: null,
  }
}

function earliest(timers: DispatchRecord['timers']): number | null {
  let due = Infinity
  for (const at of Object.values(timers)) if (at !== undefined && at < due) due = at
  return due === Infinity ? null : due
}
