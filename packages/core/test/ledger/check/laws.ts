import { keyOf, type FactOf, type Rule, type RuleKind, type Ticket } from '../../../src/index.ts'
import type { Book, MoveFact, Waiting } from './books.ts'

type RuleOf<K extends RuleKind> = Extract<Rule, { kind: K }>
type Asked = FactOf<'ledger.asked'>
type Granted = FactOf<'ledger.granted'>

/** What is wrong with one move, held against the books before it. */
export function* faultsOf(book: Book, rule: Rule, fact: MoveFact, at: number): Iterable<string> {
  switch (fact.kind) {
    case 'ledger.asked':
      return yield* asked(book, rule, fact, at)
    case 'ledger.granted':
      return yield* granted(book, rule, fact, at)
    case 'ledger.evicted':
      if (book.merging.has(fact.ticket) || book.waiting.has(fact.ticket)) {
        return yield* evicted(book, fact)
      }
      return yield `${fact.ticket} is turned away, and does not wait`
    case 'ledger.revoked':
      return yield* revoked(book, fact)
    case 'ledger.left':
      if (!isKnown(book, fact.ticket)) yield `${fact.ticket} leaves, and is not there`
      return
    default:
      return fact satisfies never
  }
}

const isKnown = ({ holders, waiting, merging }: Book, key: string): boolean =>
  holders.has(key) || waiting.has(key) || merging.has(key)

function* asked(book: Book, rule: Rule, { ticket, answer }: Asked, at: number): Iterable<string> {
  const key = keyOf(ticket)
  if (isKnown(book, key)) yield `${key} asks twice`
  switch (answer.result) {
    case 'granted':
      if (book.waiting.size > 0 && rule.kind !== 'rateLimit') {
        yield `${key} is let in past ${book.waiting.size} who wait`
      }
      if (answer.numbers['probe'] === 1 && book.holders.size > 0) yield 'a second probe'
      return yield* room(book, rule, at, answer.numbers['used'])
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
  if (rule.kind === 'throttle' && usedAll(book, rule, at) < rule.max) yield 'it waits beside room'
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
      else if (usedAll(book, rule, at) < rule.max) yield 'refused below the limit'
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

const present = ({ holders, waiting }: Book): Ticket[] => [
  ...holders.values(),
  ...[...waiting.values()].map(({ ticket }) => ticket),
]

function* granted(book: Book, rule: Rule, fact: Granted, at: number): Iterable<string> {
  const waiter = book.waiting.get(fact.ticket)
  if (!waiter) return yield `${fact.ticket} is let in, and does not wait`
  yield* room(book, rule, at, fact.numbers['used'])
  switch (rule.kind) {
    case 'batch':
      return yield* closed(book, rule, waiter, fact, at)
    case 'debounce':
      return yield* quiet(book, rule, waiter, fact, at)
    case 'rateLimit':
    case 'throttle':
    case 'concurrency':
      return yield* turn(book, waiter)
    case 'singleton':
      if (rule.mode === 'skip') yield* turn(book, waiter)
      return
    case 'circuit':
      return yield 'nobody waits for a circuit'
    default:
      return rule satisfies never
  }
}

/** Is there room for one more, and is what the move says about it true? */
function* room(book: Book, rule: Rule, at: number, said: number | undefined): Iterable<string> {
  switch (rule.kind) {
    case 'concurrency':
      if (book.holders.size >= rule.max) yield `${book.holders.size} of ${rule.max} hold already`
      if (said !== book.holders.size + 1) yield `${book.holders.size} hold, it says ${said}`
      return
    case 'singleton':
      if (book.holders.size > 0) yield `${book.holders.size} hold already`
      return
    case 'rateLimit':
    case 'throttle': {
      const used = usedAt(book, rule, at)
      if (used >= rule.max) yield `${used} of ${rule.max} in this window already`
      return
    }
    case 'batch':
    case 'debounce':
    case 'circuit':
      return
    default:
      return rule satisfies never
  }
}

type Windowed = RuleOf<'rateLimit' | 'throttle'>

/** As far as they must be remembered; the window is (at - period, at]. */
const usedAt = (book: Book, { periodMs }: Windowed, at: number): number =>
  book.stamps.filter((one) => one > Math.max(at - periodMs, book.floor)).length

const usedAll = (book: Book, { periodMs }: Windowed, at: number): number =>
  book.stamps.filter((one) => one > at - periodMs).length

/** Tenants take turns; within one the most urgent goes first, and waiting makes urgent. */
function* turn(book: Book, { ticket, since }: Waiting): Iterable<string> {
  const key = keyOf(ticket)
  for (const [tenant, served] of book.served) {
    if (tenant !== ticket.tenant && served.has(ticket.tenant)) {
      yield `${key}: ${ticket.tenant} has a second turn before ${tenant} has one`
    }
  }
  const others = [...book.waiting.values()].filter((other) => other.ticket !== ticket)
  for (const other of others.filter((one) => one.ticket.tenant === ticket.tenant)) {
    const ahead = since + ticket.rank * ageingMs - (other.since + other.ticket.rank * ageingMs)
    if (ahead > 0) yield `${key} overtakes ${keyOf(other.ticket)}`
    if (
      ticket.rank === other.ticket.rank &&
      since === other.since &&
      isNewer(ticket, other.ticket)
    ) {
      yield `${key} goes before the older ${keyOf(other.ticket)}`
    }
  }
}

/** One class of priority is worth this much waiting (rule 3.7). */
const ageingMs = 60_000

function* closed(
  book: Book,
  rule: RuleOf<'batch'>,
  { ticket }: Waiting,
  { members = [] }: Granted,
  at: number,
): Iterable<string> {
  const { size, bytesMax = Infinity } = rule
  const all = [ticket, ...members.map((member) => book.waiting.get(member)?.ticket)]
  const known = all.filter((one) => one !== undefined)
  if (known.length < all.length) yield 'a member that does not wait'
  if (new Set(all).size < all.length) yield 'a member twice'
  if (all.length > size) yield `${all.length} of at most ${size}`
  const bytes = bytesOf(known)
  if (bytes > bytesMax && all.length > 1) yield `${bytes} bytes of at most ${bytesMax}`
  yield* ready(book, rule, known.at(-1), known, at)
}

/** Nobody older is left out, and it is full or has waited long enough. */
function* ready(
  book: Book,
  { size, timeoutMs, bytesMax = Infinity }: RuleOf<'batch'>,
  last: Ticket | undefined,
  chosen: readonly Ticket[],
  at: number,
): Iterable<string> {
  const waiting = [...book.waiting.values()].map((one) => one.ticket)
  const older = waiting.filter((one) => !chosen.includes(one) && last && isNewer(last, one))
  if (older.length > 0) yield `${older.length} older ones are left out`
  const full = waiting.length >= size || bytesOf(waiting) >= bytesMax
  if (!full && at < book.opened + timeoutMs) yield 'closed early'
}

const bytesOf = (tickets: readonly Ticket[]): number =>
  tickets.reduce((sum, one) => sum + (one.bytes ?? 0), 0)

function* quiet(
  book: Book,
  { periodMs, maxWaitMs = Infinity }: RuleOf<'debounce'>,
  { ticket }: Waiting,
  { numbers }: Granted,
  at: number,
): Iterable<string> {
  if (book.waiting.size > 1) yield `${book.waiting.size - 1} wait beside it`
  if (numbers['came'] !== book.came) yield `${book.came} came, it says ${numbers['came']}`
  if (at < Math.min(book.touched + periodMs, book.opened + maxWaitMs)) {
    yield `${keyOf(ticket)} goes before it is quiet`
  }
}

function* evicted(book: Book, fact: FactOf<'ledger.evicted'>): Iterable<string> {
  const { ticket: key, reason, by } = fact
  if (reason === 'batch_merged') {
    if (book.merging.get(key) !== by) yield `${key} is merged into ${by}, not its leader`
    return
  }
  const ticket = book.waiting.get(key)?.ticket
  if (!ticket) return yield `${key} is ${reason}, and does not wait`
  if (!present(book).some((one) => one.dispatch === by && isNewer(one, ticket))) {
    yield `${key} is ${reason} by ${by}, who is not newer`
  }
}

function* revoked(book: Book, { ticket: key, by }: FactOf<'ledger.revoked'>): Iterable<string> {
  const ticket = book.holders.get(key)
  if (!ticket) return yield `${key} is told to stop, and does not hold`
  if (book.revoked === key) yield `${key} is told to stop twice`
  const waiting = [...book.waiting.values()].map((one) => one.ticket)
  if (!waiting.some((one) => one.dispatch === by && isNewer(one, ticket))) {
    yield `${key} is told to stop for ${by}, who is not newer`
  }
}

/** In the order of their events (SEMANTICS 3.6). */
function isNewer(a: Ticket, b: Ticket): boolean {
  const ordered = a.order[0] - b.order[0] || a.order[1] - b.order[1]
  if (ordered !== 0) return ordered > 0
  return a.dispatch === b.dispatch ? a.admission > b.admission : a.dispatch > b.dispatch
}
