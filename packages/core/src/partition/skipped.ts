import { keyOf } from '../ledger/ticket.ts'
import { giveBackAll, record, release } from './admission.ts'
import type { Draft } from './draft.ts'
import type { Letter } from './letter.ts'
import { hasAsked, inboxKey, post } from './outbox.ts'
import { awaits } from './settle.ts'

/**
 * A letter of another partition that cannot be taken must not hold up those after it, nor leave a
 * permit or a dispatch behind: what it gives back is given back, who asked is told, and a dispatch
 * that cannot be told is a dead letter.
 */
export function skipLetter(draft: Draft, letter: Letter, stream: string): void {
  const { partition, facts } = draft
  const { from } = letter
  const next = (partition.inbox.get(inboxKey(from.id, stream)) ?? 0) + 1
  if (from.kind !== 'partition' || from.number !== next) return
  facts.push({ kind: 'letter.skipped', from: from.id, stream, number: next })
  endUntaken(draft, letter, stream)
}

function endUntaken(draft: Draft, { body, from }: Letter, stream: string): void {
  const { partition } = draft
  if (body.kind === 'reserve') return refuse(draft, body)
  if (body.kind === 'release') return takeBack(draft, body, from.id, stream)
  // Of what is left only an answer leaves somebody waiting, and only the first word of one does not.
  if (!('admission' in body) || body.kind === 'waiting') return
  const dispatch = partition.dispatches.get(body.dispatch)
  if (dispatch && awaits(dispatch, body)) bury(draft, dispatch.id)
}

function refuse(draft: Draft, body: Extract<Letter['body'], { kind: 'reserve' }>): void {
  const { ledger, ticket } = body
  const { dispatch, admission, index, app, slot } = ticket
  const numbers = {}
  if (draft.partition.voided.has(`${ledger} ${keyOf(ticket)}`)) {
    const answer = { result: 'refused', reason: 'withdrawn', numbers } as const
    return record(draft, { kind: 'ledger.asked', ledger, ticket, answer })
  }
  const asked = { dispatch, admission, index }
  const to = { app, slot, lane: 'answer' } as const
  post(draft, to, { kind: 'refused', ...asked, reason: 'quarantined', numbers })
}

/** What a letter gives back; one that overtook the letter which asks makes that one void. */
export function takeBack(
  draft: Draft,
  body: Extract<Letter['body'], { kind: 'release' }>,
  from: string,
  stream: string,
): void {
  const { ledger, ticket, letter } = body
  if (release(draft, ledger, ticket)) return
  if (letter === undefined || hasAsked(draft.partition, from, stream, letter)) return
  record(draft, { kind: 'ledger.voided', ledger, ticket })
}

/** A dispatch on which a step throws ends without its machine being asked. */
export function bury(draft: Draft, id: string): void {
  const { partition, facts, at } = draft
  const dispatch = partition.dispatches.get(id)
  if (!dispatch) return
  facts.push({ kind: 'dispatch.quarantined', dispatch: id, at, reason: 'poison' })
  giveBackAll(draft, dispatch)
}
