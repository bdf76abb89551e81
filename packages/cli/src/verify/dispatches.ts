import {
  isFinal,
  parseEffectId,
  type Effect,
  type Entry,
  type FactOf,
  type Hash,
  type PartitionId,
  type Transition,
} from '@waybill/core'
import { checkAttempt } from './attempts.ts'
import type { Complain } from './finding.ts'
import { checkBegin, checkLink, checkRecord, type Say } from './transitions.ts'

/** What is known of a dispatch that has not ended. */
interface Known {
  /** sha-256 of the entry with its latest transition. */
  readonly head: string
  readonly last: Transition
  /** The effect that was asked for and has no answer. */
  readonly asked: string | undefined
}

/** Every dispatch's own chain: begins once, moves by the book, ends once. */
export interface DispatchRules {
  readonly id: PartitionId
  readonly hash: Hash
  /** Read from the partition's first bundle: what did not begin in it is then a finding. */
  readonly fromStart: boolean
  started: number
  readonly open: Map<string, Known>
  /** Ended ones, to know them when they move again. */
  readonly gone: Set<string>
  /** Final state -> how many. */
  readonly ended: Map<string, number>
}

export function createDispatchRules(
  id: PartitionId,
  hash: Hash,
  fromStart: boolean,
): DispatchRules {
  return { id, hash, fromStart, started: 0, open: new Map(), gone: new Set(), ended: new Map() }
}

export function takeDispatches(
  rules: DispatchRules,
  entry: Entry,
  hash: string,
  complain: Complain,
): void {
  for (const fact of entry.facts) {
    if (fact.kind === 'transition') takeTransition(rules, fact, entry, hash, complain)
    else if (fact.kind === 'dispatch.quarantined') takeQuarantine(rules, fact, complain)
    else if (fact.kind === 'result.late') checkLate(rules, fact, complain)
  }
}

function takeTransition(
  rules: DispatchRules,
  fact: Transition,
  entry: Entry,
  head: string,
  complain: Complain,
): void {
  const { dispatch, index, to } = fact
  const say: Say = (rule, what) => complain(rule, what, dispatch)
  if (rules.gone.has(dispatch)) {
    return say('dispatch.one-end', `it moves to ${to} after it had ended`)
  }
  const before = rules.open.get(dispatch)
  if (index === 0) rules.started += 1
  checkChain(rules, before, fact, say)
  checkRecord(fact, entry, say)
  checkAttempt(before?.last, fact, entry, say)
  checkAnswer(before, entry, say)
  if (isFinal(to)) end(rules, dispatch, to)
  else rules.open.set(dispatch, { head, last: fact, asked: askedIn(entry.effects, dispatch) })
}

function checkChain(
  { id, hash, fromStart }: DispatchRules,
  before: Known | undefined,
  fact: Transition,
  say: Say,
): void {
  if (fact.index === 0) {
    if (before) say('dispatch.begins-once', 'it begins a second time')
    checkBegin(fact, id, hash, say)
  } else if (before) checkLink(before.last, before.head, fact, say)
  else if (fromStart) {
    say('dispatch.begins', `transition ${fact.index} of a dispatch that never began`)
  }
}

/** A result moves the dispatch only under the effect that it awaits. */
function checkAnswer(before: Known | undefined, entry: Entry, say: Say): void {
  if (entry.input.kind !== 'result' || !before || entry.input.effect === before.asked) return
  const awaited = before.asked ?? 'none'
  say('effect.answered-once', `it moves by the result of ${entry.input.effect}, awaits ${awaited}`)
}

function askedIn(effects: readonly Effect[], dispatch: string): string | undefined {
  return effects.find(
    (effect) =>
      (effect.kind === 'runAttempt' || effect.kind === 'evaluatePredicate') &&
      effect.dispatch === dispatch,
  )?.id
}

function takeQuarantine(
  rules: DispatchRules,
  { dispatch }: FactOf<'dispatch.quarantined'>,
  complain: Complain,
): void {
  if (rules.gone.has(dispatch)) {
    complain('dispatch.one-end', 'it is quarantined after it had ended', dispatch)
  } else end(rules, dispatch, 'dlq')
}

function end({ open, gone, ended }: DispatchRules, dispatch: string, state: string): void {
  open.delete(dispatch)
  gone.add(dispatch)
  ended.set(state, (ended.get(state) ?? 0) + 1)
}

/** Late is what nobody waits for any more; what was never asked for is not late, it is wrong. */
function checkLate(
  { open, gone, fromStart }: DispatchRules,
  { effect }: FactOf<'result.late'>,
  complain: Complain,
): void {
  const asked = parseEffectId(effect)
  if (!fromStart || !asked || open.has(asked.dispatch) || gone.has(asked.dispatch)) return
  complain('effect.asked', `a result for ${effect}, of a dispatch that never began`)
}
