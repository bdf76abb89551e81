import { keyOf, type Answer } from '../ledger/ticket.ts'
import { ask, record } from './admission.ts'
import { takeOutcome, takeState, tellState } from './circuits.ts'
import type { Draft } from './draft.ts'
import type { InputOf } from './entry.ts'
import type { Letter, LetterBody } from './letter.ts'
import { inboxKey, post } from './outbox.ts'
import { hear, type GateAnswer } from './settle.ts'
import { takeBack } from './skipped.ts'
import { mustAskCircuit } from './views.ts'

/**
 * Letters of other partitions, each taken once and in order: they are numbered without gaps per
 * sender and lane, so one that was taken is known by its number alone.
 */
export function decideMail(draft: Draft, { letter, ref }: InputOf<'letter'>): void {
  const { partition, facts } = draft
  const { id, from } = letter
  const last = partition.inbox.get(inboxKey(from.id, ref.stream)) ?? 0
  if (from.number === undefined) throw new Error(`a letter of ${from.id} without a number`)
  if (from.number <= last) {
    facts.push({ kind: 'letter.duplicate', id })
    return
  }
  if (from.number > last + 1) {
    throw new Error(`letter ${from.number} of ${from.id}, where ${last + 1} is the next one`)
  }
  facts.push({ kind: 'letter.taken', id })
  take(draft, letter, ref.stream)
}

function take(draft: Draft, { body, from }: Letter, stream: string): void {
  switch (body.kind) {
    case 'reserve':
      return reserve(draft, body)
    case 'release':
      return takeBack(draft, body, from.id, stream)
    case 'granted':
    case 'waiting':
    case 'refused':
    case 'deferred':
    case 'revoke':
      // Whoever it was for has gone on, and gave back what it had when it did.
      hear(draft, body)
      return
    case 'outcome':
      return takeOutcome(draft, from.id, body)
    case 'circuitState':
      return takeState(draft, body)
    case 'cancel':
    case 'circuit':
    case 'redrive':
    case 'discard':
    case 'rerun':
      throw new Error(`a partition does not ask for ${body.kind}`)
    default:
      return body satisfies never
  }
}

function reserve(draft: Draft, body: Extract<LetterBody, { kind: 'reserve' }>): void {
  const { ledger, opening, ticket } = body
  const { dispatch, admission, index, app, slot } = ticket
  if (draft.partition.voided.has(`${ledger} ${keyOf(ticket)}`)) {
    const answer = { result: 'refused', reason: 'withdrawn', numbers: {} } as const
    record(draft, { kind: 'ledger.asked', ledger, ticket, answer })
    return
  }
  const asked = { dispatch, admission, index }
  const to = { app, slot, lane: 'answer' } as const
  const isCircuit = opening.rule.kind === 'circuit'
  if (isCircuit && !mustAskCircuit(draft.partition, ledger, true, draft.at)) {
    tellState(draft, `${app}/${slot}`, ledger, false)
    post(draft, to, { kind: 'granted', ...asked, numbers: {}, permit: false })
    return
  }
  const answer = ask(draft, ledger, opening, ticket)
  const permit = draft.partition.ledgers.get(ledger)?.holders.has(keyOf(ticket)) ?? false
  post(draft, to, letterOf(answer, asked, permit))
}

function letterOf(
  answer: Answer,
  asked: { readonly dispatch: string; readonly admission: number; readonly index: number },
  permit: boolean,
): GateAnswer {
  const { numbers } = answer
  switch (answer.result) {
    case 'granted':
      return { kind: 'granted', ...asked, numbers, permit }
    case 'waiting':
      return { kind: 'waiting', ...asked, numbers }
    case 'refused':
      return { kind: 'refused', ...asked, reason: answer.reason, numbers, by: answer.by }
    case 'deferred':
      return { kind: 'deferred', ...asked, until: answer.until, numbers }
    default:
      return answer satisfies never
  }
}
