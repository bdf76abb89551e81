import {
  bindingKey,
  keyOf,
  labelIn,
  labelOf,
  patched,
  traceOf,
  type DefChange,
  type Entry,
  type FactOf,
  type Manifest,
  type Rule,
  type RulePatch,
  type Ticket,
} from '../../../src/index.ts'

/*
 * What the ledgers of a partition must hold, told by its journal alone. Kept apart from the code
 * that decides, so that the two can disagree.
 */

export interface Waiting {
  readonly ticket: Ticket
  readonly since: number
}

/** One ledger, as an auditor keeps it: what came, who is in, who waits, who was served. */
export interface Book {
  readonly id: string
  readonly holders: Map<string, Ticket>
  readonly waiting: Map<string, Waiting>
  /** Ticket of a member that is not told yet -> the dispatch of its leader. */
  readonly merging: Map<string, string>
  /** When somebody was let in under a rule with a window. */
  readonly stamps: number[]
  /** What was let in before this may be forgotten: a window became longer afterwards. */
  floor: number
  opened: number
  touched: number
  came: number
  revoked: string | undefined
  /** Tenant that waits -> tenants that were served since it began to, or was served itself. */
  readonly served: Map<string, Set<string>>
}

export interface Books {
  readonly ledgers: Map<string, Book>
  readonly rules: Map<string, { readonly rule: Rule; readonly since: number }>
  readonly overrides: Map<string, RulePatch>
  readonly manifests: Map<string, Manifest>
  since: number
}

export type MoveFact = FactOf<
  'ledger.asked' | 'ledger.granted' | 'ledger.evicted' | 'ledger.revoked' | 'ledger.left'
>

export const createBooks = (): Books => ({
  ledgers: new Map(),
  rules: new Map(),
  overrides: new Map(),
  manifests: new Map(),
  since: 0,
})

/** The rule that a ledger goes by, once what this fact brings is in force. */
export function ruleFor({ rules, overrides }: Books, ledger: string): Rule | undefined {
  const label = labelIn(ledger)
  const known = rules.get(label)
  const patch = overrides.get(label)
  return known && ((patch && patched(known.rule, patch)) ?? known.rule)
}

export function bookOf({ ledgers }: Books, id: string): Book {
  let book = ledgers.get(id)
  if (!book) {
    book = {
      id,
      holders: new Map(),
      waiting: new Map(),
      merging: new Map(),
      stamps: [],
      floor: 0,
      opened: 0,
      touched: 0,
      came: 0,
      revoked: undefined,
      served: new Map(),
    }
    ledgers.set(id, book)
  }
  return book
}

// --- rules -----------------------------------------------------------------------------------

/** What an entry says about definitions comes into force before its ledgers move again. */
export function followDefinition(books: Books, entry: Entry): void {
  if (entry.input.kind !== 'def') return
  if (!entry.facts.some(({ kind }) => kind === 'def.applied')) return
  const before = new Map([...books.ledgers.keys()].map((id) => [id, ruleFor(books, id)]))
  changeRules(books, entry.input.change)
  for (const [id, rule] of before) noteFloor(bookOf(books, id), rule, ruleFor(books, id), entry.at)
}

function changeRules(books: Books, change: DefChange): void {
  books.since = Math.max(books.since + 1, change.at)
  if (change.kind === 'limit') {
    if (change.rule === null) books.overrides.delete(change.limit)
    else books.overrides.set(change.limit, change.rule)
    return
  }
  if (change.kind !== 'deploy') return
  for (const one of change.manifests) books.manifests.set(bindingKey(one), one)
  for (const [label, rule] of deployedBy(books, change.active)) {
    bring(books, label, rule, books.since)
  }
}

/** The first binding, by its name, says what a limit is that several name. */
function deployedBy({ manifests }: Books, active: readonly string[]): ReadonlyMap<string, Rule> {
  const limits = active.toSorted().flatMap((key) => {
    const { id, flow } = manifests.get(key) as Manifest // the change was applied
    return (flow?.limits ?? []).map((limit) => [labelOf(id, limit), limit.rule] as const)
  })
  return new Map(limits.toReversed())
}

function bring({ rules }: Books, label: string, rule: Rule, since: number): void {
  const known = rules.get(label)
  if (!known || known.since < since) rules.set(label, { rule, since })
}

/** A letter may bring a newer rule than the one that is known here. */
export function followOpening(books: Books, fact: FactOf<'ledger.asked'>, at: number): void {
  const { opening, ledger } = fact
  if (!opening) return
  const label = labelIn(ledger)
  const same = [...books.ledgers.values()].filter(({ id }) => labelIn(id) === label)
  const before = ruleFor(books, ledger)
  bring(books, label, opening.rule, opening.since)
  for (const book of same) noteFloor(book, before, ruleFor(books, ledger), at)
}

function noteFloor(
  book: Book,
  before: Rule | undefined,
  after: Rule | undefined,
  at: number,
): void {
  const was = before && 'periodMs' in before && before.kind !== 'debounce' ? before.periodMs : 0
  const is = after && 'periodMs' in after && after.kind !== 'debounce' ? after.periodMs : 0
  if (is > was) book.floor = Math.max(book.floor, at - was)
}

// --- moves -----------------------------------------------------------------------------------

export function followMove(book: Book, rule: Rule, fact: MoveFact, at: number): void {
  switch (fact.kind) {
    case 'ledger.asked':
      return followAsked(book, rule, fact, at)
    case 'ledger.granted': {
      const waiter = book.waiting.get(fact.ticket)
      if (!waiter) return
      letIn(book, rule, waiter.ticket, at)
      for (const member of fact.members ?? []) book.merging.set(member, waiter.ticket.dispatch)
      remove(book, [fact.ticket, ...(fact.members ?? [])])
      if (rule.kind === 'batch') reopen(book)
      if (rule.kind !== 'batch') serve(book, waiter.ticket.tenant)
      return
    }
    case 'ledger.evicted':
      book.merging.delete(fact.ticket)
      return remove(book, [fact.ticket])
    case 'ledger.revoked':
      book.revoked = fact.ticket
      return
    case 'ledger.left':
      book.merging.delete(fact.ticket)
      book.holders.delete(fact.ticket)
      if (book.revoked === fact.ticket) book.revoked = undefined
      return remove(book, [fact.ticket])
    default:
      return fact satisfies never
  }
}

function followAsked(book: Book, rule: Rule, fact: FactOf<'ledger.asked'>, at: number): void {
  const { ticket, answer } = fact
  if (answer.result === 'granted') return letIn(book, rule, ticket, at, answer.numbers)
  if (answer.result === 'deferred') return
  // An older event of the row: the newest stands for it too.
  if (answer.result === 'refused') {
    if (answer.reason === 'debounced') book.came += 1
    return
  }
  if (book.waiting.size === 0) Object.assign(book, { opened: at, came: 0 })
  book.waiting.set(keyOf(ticket), { ticket, since: at })
  Object.assign(book, { touched: at, came: book.came + 1 })
  if (!book.served.has(ticket.tenant)) book.served.set(ticket.tenant, new Set())
}

function letIn(
  book: Book,
  rule: Rule,
  ticket: Ticket,
  at: number,
  numbers: Readonly<Record<string, number>> = {},
): void {
  if (traceOf[rule.kind] === 'permit' || numbers['probe'] === 1)
    book.holders.set(keyOf(ticket), ticket)
  if (traceOf[rule.kind] === 'stamp') book.stamps.push(at)
}

function remove(book: Book, keys: readonly string[]): void {
  for (const key of keys) book.waiting.delete(key)
  if (book.waiting.size === 0) Object.assign(book, { opened: 0, touched: 0, came: 0 })
  const tenants = new Set([...book.waiting.values()].map(({ ticket }) => ticket.tenant))
  for (const tenant of book.served.keys()) if (!tenants.has(tenant)) book.served.delete(tenant)
}

function reopen(book: Book): void {
  if (book.waiting.size === 0) return
  book.opened = Math.min(...[...book.waiting.values()].map(({ since }) => since))
}

function serve(book: Book, tenant: string): void {
  book.served.get(tenant)?.clear()
  for (const [other, seen] of book.served) if (other !== tenant) seen.add(tenant)
}
