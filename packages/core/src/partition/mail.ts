import { keyOf } from '../ledger/ticket.ts'
import { ask, record, release } from './admission.ts'
import type { Draft } from './draft.ts'
import type { InputOf } from './entry.ts'
import type { Letter, LetterBody } from './letter.ts'
import { hasAsked, inboxKey, post } from './outbox.ts'
import { hear } from './settle.ts'

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
    case 'release': {
      const { ledger, ticket, letter } = body
      if (release(draft, ledger, ticket)) return
      // It overtook the letter that asks: when that comes, it is void.
      if (letter === undefined || hasAsked(draft.partition, from.id, stream, letter)) return
      record(draft, { kind: 'ledger.voided', ledger, ticket })
      return
    }
    case 'granted':
    case 'waiting':
    case 'refused':
    case 'revoke':
      // Whoever it was for has gone on, and gave back what it had when it did.
      hear(draft, body)
      return
    case 'cancel':
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
  const answer = ask(draft, ledger, opening, ticket)
  const asked = { dispatch, admission, index }
  const { numbers } = answer
  const to = { app, slot, lane: 'answer' } as const
  if (answer.result === 'granted') post(draft, to, { kind: 'granted', ...asked, numbers })
  else if (answer.result === 'waiting') post(draft, to, { kind: 'waiting', ...asked, numbers })
  else {
    const { reason, by } = answer
    post(draft, to, { kind: 'refused', ...asked, reason, numbers, by })
  }
}
