import { keyOf, type FactOf, type Rule, type Ticket } from '@waybill/core'
import type { Book } from './book.ts'
import { isNewer, isThere, present, room, usedWithin } from './room.ts'

type Asked = FactOf<'ledger.asked'>

/** What is wrong with an answer, held against the ledger as it was before. */
export function* askedFaults(
  book: Book,
  rule: Rule,
  { ticket, answer }: Asked,
  at: number,
): Iterable<string> {
  const key = keyOf(ticket)
  if (isThere(book, key)) yield `${key} asks twice`
  switch (answer.result) {
    case 'granted':
      if (book.waiting.size > 0 && rule.kind !== 'rateLimit') {
        yield `${key} is let in past ${book.waiting.size} who wait`
      }
      if (answer.numbers['probe'] === 1 && book.holders.size > 0) yield 'a second probe'
      return yield* room(book, rule, at, answer.numbers)
    case 'refused':
      return yield* refused(book, rule, ticket, answer, at)
    case 'waiting':
      return yield* waits(book, rule, at)
    case 'deferred':
      if (rule.kind !== 'circuit') yield `a ${rule.kind} turns back`
      return
    default:
      return answer satisfies never
  }
}

/** Whoever waits has a reason to. */
function* waits(book: Book, rule: Rule, at: number): Iterable<string> {
  if (rule.kind === 'rateLimit') yield 'a rate limit makes wait'
  if (book.waiting.size > 0) return
  if (rule.kind === 'concurrency' && book.holders.size < rule.max) yield 'it waits beside room'
  if (rule.kind === 'singleton' && book.holders.size === 0) yield 'it waits for nobody'
  if (rule.kind !== 'throttle' || book.floor > at - rule.periodMs) return
  if (usedWithin(book, rule, at) < rule.max) yield 'it waits beside room'
}

function* refused(
  book: Book,
  rule: Rule,
  ticket: Ticket,
  answer: Extract<Asked['answer'], { result: 'refused' }>,
  at: number,
): Iterable<string> {
  const { reason, by } = answer
  switch (reason) {
    case 'rate_limited':
      if (rule.kind !== 'rateLimit') yield `a ${rule.kind} refuses for its rate`
      else if (book.floor <= at - rule.periodMs && usedWithin(book, rule, at) < rule.max) {
        yield 'refused below the limit'
      }
      return
    case 'singleton_active':
    case 'key_busy':
      if (by === undefined || !present(book).some(({ dispatch }) => dispatch === by)) {
        yield `refused for ${by}, who is not there`
      }
      return
    case 'superseded':
    case 'debounced':
      if (!present(book).some((one) => one.dispatch === by && isNewer(one, ticket))) {
        yield `refused for ${by}, who is not newer`
      }
      return
    case 'withdrawn':
    case 'quarantined':
    case 'circuit_open':
      return
    case 'batch_merged':
      yield 'merged before it waited'
      return
    default:
      return reason satisfies never
  }
}
