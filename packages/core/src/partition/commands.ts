import type { Dispatch, InputRef } from '../dispatch/record.ts'
import { seen } from './dedupe.ts'
import { hasRoom, move, reply, type Draft } from './draft.ts'
import { limits, type InputOf } from './entry.ts'
import type { CancelTarget, LetterAnswer, LetterBody } from './letter.ts'
import { decideMail } from './mail.ts'
import { discard, redrive, rerun } from './again.ts'
import type { Bulk, Partition } from './state.ts'
import { isWaitedFor, switchCircuit, tryAgain } from './switch.ts'

type Cancel = Extract<LetterBody, { kind: 'cancel' }>

/** What clients ask of a partition. A letter's id is remembered: asking twice is asking once. */
export function decideLetter(draft: Draft, input: InputOf<'letter'>): void {
  if (input.letter.from.kind === 'partition') return decideMail(draft, input)
  const { partition, facts } = draft
  const { id, body, replyTo } = input.letter
  if (seen(partition.letters, id) !== undefined) {
    facts.push({ kind: 'letter.duplicate', id })
    reply(draft, id, replyTo, refused('letter_duplicate', 'this letter was taken before'))
    return
  }
  facts.push({ kind: 'letter.taken', id })
  const answer = answerTo(draft, id, body, input.ref)
  if (answer) reply(draft, id, replyTo, answer)
  // Many dispatches at once do not fit one entry: ticks go on with it.
  const upTo = partition.started
  if (!answer) facts.push({ kind: 'bulk.began', letter: id, body, replyTo, upTo })
  else if (wakes(partition, body, answer))
    facts.push({ kind: 'bulk.began', letter: id, body, upTo })
}

/** A circuit that was closed, and for which somebody waits here. */
const wakes = (partition: Partition, body: LetterBody, answer: LetterAnswer): boolean =>
  body.kind === 'circuit' &&
  body.do === 'close' &&
  body.wake === true &&
  answer.kind === 'circuit' &&
  isWaitedFor(partition, body.ledger)

/** Undefined: work in bulk, answered when it is done. */
function answerTo(
  draft: Draft,
  letter: string,
  body: LetterBody,
  ref: InputRef,
): LetterAnswer | undefined {
  switch (body.kind) {
    case 'cancel':
      if (body.target.kind !== 'dispatch') return undefined
      return cancelOne(draft, body.target.dispatch, body)
    case 'redrive':
      return redrive(draft, letter, body, ref)
    case 'rerun':
      return rerun(draft, letter, body)
    case 'discard':
      return discard(draft, body)
    case 'circuit':
      return switchCircuit(draft, body)
    case 'reserve':
    case 'release':
    case 'granted':
    case 'waiting':
    case 'refused':
    case 'deferred':
    case 'revoke':
    case 'outcome':
    case 'circuitState':
      throw new Error(`a client does not send ${body.kind}`)
    default:
      return body satisfies never
  }
}

function cancelOne(draft: Draft, id: string, body: Cancel): LetterAnswer {
  const { partition } = draft
  const dispatch = partition.dispatches.get(id)
  if (dispatch) {
    move(draft, dispatch, { type: 'cancel.requested', by: body.by, reason: body.reason })
    return { kind: 'cancelled', dispatches: 1, more: false }
  }
  return seen(partition.ended, id) === undefined && !partition.dead.has(id)
    ? refused('not_found', `${id} is not open here, and has not ended within 24 h`)
    : refused('not_cancellable', `${id} has ended`)
}

const refused = (code: string, reason: string): LetterAnswer => ({ kind: 'refused', code, reason })

/** One slice of a bulk operation; the answer goes out with the last one. */
export function continueBulk(draft: Draft, bulk: Bulk): void {
  const { partition, facts } = draft
  const { letter, body, replyTo } = bulk
  let { cursor, done } = bulk
  let ended = true
  for (const dispatch of after(partition, bulk)) {
    if (!hasRoom(draft, limits.bulkPerTickMax)) {
      ended = false
      break
    }
    cursor = dispatch.origin.ordinal
    if (!draft.moved.has(dispatch.id) && carryOut(draft, body, dispatch)) done += 1
  }
  facts.push({ kind: 'bulk.advanced', letter, cursor, done, ended })
  if (!ended || body.kind !== 'cancel') return
  reply(draft, letter, replyTo, { kind: 'cancelled', dispatches: done, more: false })
}

/** False: this one is not meant. */
function carryOut(draft: Draft, body: LetterBody, dispatch: Dispatch): boolean {
  if (body.kind === 'circuit') return tryAgain(draft, body.ledger, dispatch)
  if (body.kind !== 'cancel') throw new Error(`${body.kind} is no work in bulk`)
  if (!isMeant(body.target, dispatch)) return false
  move(draft, dispatch, { type: 'cancel.requested', by: body.by, reason: body.reason })
  return true
}

function* after(partition: Partition, { cursor, upTo }: Bulk): Iterable<Dispatch> {
  for (const dispatch of partition.dispatches.values()) {
    const { ordinal } = dispatch.origin
    if (ordinal > upTo) return
    if (ordinal > cursor) yield dispatch
  }
}

function isMeant(target: CancelTarget, { id, origin, record }: Dispatch): boolean {
  switch (target.kind) {
    case 'dispatch':
      return id === target.dispatch
    case 'event':
      return origin.event === target.event
    case 'filter': {
      const { binding, state, tenant } = target
      const bindingId = origin.binding.slice(0, origin.binding.lastIndexOf('@'))
      return (
        (binding === undefined || binding === bindingId) &&
        (state === undefined || state === record.state) &&
        (tenant === undefined || tenant === origin.tenant)
      )
    }
    default:
      return target satisfies never
  }
}
