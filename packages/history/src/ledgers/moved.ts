import { keyOf, type FactOf, type Rule, type RuleOf, type Ticket } from '@waybill/core'
import { askedFaults } from './asked.ts'
import { lineOf, type Book, type MoveFact, type Waiting } from './book.ts'
import { isNewer, isThere, present, room } from './room.ts'

type Granted = FactOf<'ledger.granted'>

/** What is wrong with one move, held against the ledger as it was before. */
export function* faultsOf(book: Book, rule: Rule, fact: MoveFact, at: number): Iterable<string> {
  yield* inForce(rule, fact)
  switch (fact.kind) {
    case 'ledger.asked':
      return yield* askedFaults(book, rule, fact, at)
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
      if (!isThere(book, fact.ticket)) yield `${fact.ticket} leaves, and is not there`
      return
    default:
      return fact satisfies never
  }
}

/** The limit that it names is the one that is in force: deploys and overrides in their order. */
function* inForce(rule: Rule, fact: MoveFact): Iterable<string> {
  const said = fact.kind === 'ledger.asked' ? fact.answer.numbers : numbersIn(fact)
  for (const [name, is] of Object.entries(rule)) {
    if (!limiting.has(name) || said[name] === undefined || said[name] === is) continue
    yield `${name} ${said[name]} is said, ${is} is in force`
  }
}

const limiting: ReadonlySet<string> = new Set(['max', 'periodMs', 'size'])

const numbersIn = (fact: MoveFact): Readonly<Record<string, number>> =>
  'numbers' in fact ? fact.numbers : {}

function* granted(book: Book, rule: Rule, fact: Granted, at: number): Iterable<string> {
  const waiter = book.waiting.get(fact.ticket)
  if (!waiter) return yield `${fact.ticket} is let in, and does not wait`
  yield* room(book, rule, at, fact.numbers)
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

/** Tenants take turns; within one the most urgent goes first, and waiting makes urgent. */
function* turn(book: Book, waiter: Waiting): Iterable<string> {
  const { ticket, since } = waiter
  const key = keyOf(ticket)
  for (const [tenant, served] of book.served) {
    if (tenant !== ticket.tenant && served.has(ticket.tenant)) {
      yield `${key}: ${ticket.tenant} has a second turn before ${tenant} has one`
    }
  }
  for (const { ticket: first } of overtaken(book, waiter)) yield `${key} overtakes ${keyOf(first)}`
  for (const other of book.lines.get(lineOf(ticket))?.values() ?? []) {
    if (other.since !== since) break
    if (isNewer(ticket, other.ticket)) yield `${key} goes before the older ${keyOf(other.ticket)}`
  }
}

/** Of each class the one that came first, where it was more urgent by now. */
function overtaken({ lines }: Book, { ticket, since }: Waiting): readonly Waiting[] {
  const { tenant } = ticket
  const urgency = since + ticket.rank * ageingMs
  return [0, 1, 2, 3].flatMap((rank) => {
    const [first] = lines.get(lineOf({ tenant, rank }))?.values() ?? []
    return first && urgency > first.since + rank * ageingMs ? [first] : []
  })
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
  yield* ready(book, rule, known, at)
}

/** Nobody older is left out, and it is full or has waited long enough. */
function* ready(
  book: Book,
  { size, timeoutMs, bytesMax = Infinity }: RuleOf<'batch'>,
  chosen: readonly Ticket[],
  at: number,
): Iterable<string> {
  const waiting = [...book.waiting.values()].map((one) => one.ticket)
  const last = chosen.at(-1)
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
