import {
  keyOf,
  traceOf,
  type Entry,
  type Fact,
  type FactOf,
  type Rule,
  type Ticket,
} from '@waybill/core'
import { RuleBook, type Deployed } from './rules.ts'

export interface Waiting {
  readonly ticket: Ticket
  readonly since: number
}

/** One ledger as an auditor keeps it: who is in, who waits, what was let in. */
export interface Book {
  readonly id: string
  readonly holders: ReadonlyMap<string, Ticket>
  /** In the order in which they came. */
  readonly waiting: ReadonlyMap<string, Waiting>
  /** Ticket of a member that is not told yet -> the dispatch of its leader. */
  readonly merging: ReadonlyMap<string, string>
  /** When somebody was let in under a rule with a window, as long as that counts. */
  readonly stamps: readonly number[]
  /** What was let in before this may be forgotten: a window became longer afterwards. */
  readonly floor: number
  /** Since those who wait have been gathering; when the last of them came; how many did. */
  readonly opened: number
  readonly touched: number
  readonly came: number
  readonly revoked: string | undefined
  /** Tenant that waits -> tenants that were served since it began to, or was served itself. */
  readonly served: ReadonlyMap<string, ReadonlySet<string>>
  /** `<tenant> <rank>` -> those who wait, in the order in which they came. */
  readonly lines: ReadonlyMap<string, ReadonlyMap<string, Waiting>>
}

interface Kept extends Book {
  readonly holders: Map<string, Ticket>
  readonly waiting: Map<string, Waiting>
  readonly merging: Map<string, string>
  readonly served: Map<string, Set<string>>
  readonly lines: Map<string, Map<string, Waiting>>
  stamps: number[]
  floor: number
  opened: number
  touched: number
  came: number
  revoked: string | undefined
}

export type MoveFact = FactOf<
  'ledger.asked' | 'ledger.granted' | 'ledger.evicted' | 'ledger.revoked' | 'ledger.left'
>

const moves: ReadonlySet<string> = new Set<MoveFact['kind']>([
  'ledger.asked',
  'ledger.granted',
  'ledger.evicted',
  'ledger.revoked',
  'ledger.left',
])
export const isMove = (fact: Fact): fact is MoveFact => moves.has(fact.kind)

/** The ledgers of a partition, as their own moves tell: no gate is asked. */
export interface Books {
  readonly ledgers: ReadonlyMap<string, Book>
  /** `<ledger> <ticket>` of what was given back before it was asked for. */
  readonly voided: ReadonlySet<string>
  ruleOf(ledger: string): Rule | undefined
  deployedAs(label: string): Deployed | undefined
}

export class LedgerFold implements Books {
  readonly ledgers = new Map<string, Kept>()
  readonly voided = new Set<string>()
  readonly #rules = new RuleBook()

  ruleOf(ledger: string): Rule | undefined {
    return this.#rules.ruleOf(ledger)
  }

  deployedAs(label: string): Deployed | undefined {
    return this.#rules.deployedAs(label)
  }

  /** Before its facts are taken. */
  begin(entry: Entry): void {
    if (entry.input.kind === 'def') this.#noteFloors(entry.at, () => this.#rules.define(entry))
  }

  /** Before it is taken: it may bring the rule under which it is to be judged. */
  open(fact: Fact, at: number): void {
    const opening = 'opening' in fact && fact.opening ? fact.opening : undefined
    if (!opening || !('ledger' in fact)) return
    this.#noteFloors(at, () => this.#rules.open({ ledger: fact.ledger, opening }))
  }

  take(fact: Fact, at: number): void {
    if (fact.kind === 'ledger.voided') this.voided.add(`${fact.ledger} ${fact.ticket}`)
    if (!isMove(fact)) return
    if (fact.kind === 'ledger.asked') this.voided.delete(`${fact.ledger} ${keyOf(fact.ticket)}`)
    const rule = this.ruleOf(fact.ledger)
    if (!rule) return
    const book = this.ledgers.get(fact.ledger) ?? createBook(fact.ledger)
    this.ledgers.set(fact.ledger, book)
    follow(book, rule, fact, at)
    if (isBlank(book)) this.ledgers.delete(fact.ledger)
  }

  /** A window that became longer knows nothing of what the shorter one forgot. */
  #noteFloors(at: number, change: () => unknown): void {
    const before = [...this.ledgers.values()].map((book) => [book, this.ruleOf(book.id)] as const)
    change()
    for (const [book, was] of before) {
      const shorter = windowOf(was)
      if (windowOf(this.ruleOf(book.id)) <= shorter) continue
      book.floor = Math.max(book.floor, at - shorter)
    }
  }
}

const windowOf = (rule: Rule | undefined): number =>
  rule && traceOf[rule.kind] === 'stamp' && 'periodMs' in rule ? rule.periodMs : 0

export function createBook(id: string): Kept {
  return {
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
    lines: new Map(),
  }
}

const isBlank = ({ holders, waiting, merging, stamps }: Book): boolean =>
  holders.size + waiting.size + merging.size + stamps.length === 0

function follow(book: Kept, rule: Rule, fact: MoveFact, at: number): void {
  switch (fact.kind) {
    case 'ledger.asked':
      return followAsked(book, rule, fact, at)
    case 'ledger.granted':
      return followGranted(book, rule, fact, at)
    case 'ledger.revoked':
      book.revoked = fact.ticket
      return
    case 'ledger.evicted':
    case 'ledger.left':
      book.merging.delete(fact.ticket)
      if (fact.kind === 'ledger.left') book.holders.delete(fact.ticket)
      if (fact.kind === 'ledger.left' && book.revoked === fact.ticket) book.revoked = undefined
      return remove(book, [fact.ticket])
    default:
      return fact satisfies never
  }
}

function followAsked(book: Kept, rule: Rule, fact: FactOf<'ledger.asked'>, at: number): void {
  const { ticket, answer } = fact
  switch (answer.result) {
    case 'granted':
      return letIn(book, rule, ticket, at, answer.numbers)
    case 'waiting':
      return wait(book, ticket, at)
    case 'refused':
      // An older event of the row: the newest stands for it too.
      if (answer.reason === 'debounced') book.came += 1
      return
    case 'deferred':
      return
    default:
      return answer satisfies never
  }
}

function followGranted(book: Kept, rule: Rule, fact: FactOf<'ledger.granted'>, at: number): void {
  const waiter = book.waiting.get(fact.ticket)
  if (!waiter) return
  letIn(book, rule, waiter.ticket, at)
  for (const member of fact.members ?? []) book.merging.set(member, waiter.ticket.dispatch)
  remove(book, [fact.ticket, ...(fact.members ?? [])])
  if (rule.kind !== 'batch') return serve(book, waiter.ticket.tenant)
  if (book.waiting.size === 0) return
  book.opened = Math.min(...[...book.waiting.values()].map(({ since }) => since))
}

function wait(book: Kept, ticket: Ticket, at: number): void {
  if (book.waiting.size === 0) Object.assign(book, { opened: at, came: 0 })
  const key = keyOf(ticket)
  const one = { ticket, since: at }
  book.waiting.set(key, one)
  const name = lineOf(ticket)
  const line = book.lines.get(name) ?? new Map<string, Waiting>()
  book.lines.set(name, line.set(key, one))
  Object.assign(book, { touched: at, came: book.came + 1 })
  if (!book.served.has(ticket.tenant)) book.served.set(ticket.tenant, new Set())
}

export const lineOf = ({ tenant, rank }: Pick<Ticket, 'tenant' | 'rank'>): string =>
  `${tenant} ${rank}`

function letIn(
  book: Kept,
  rule: Rule,
  ticket: Ticket,
  at: number,
  numbers: Readonly<Record<string, number>> = {},
): void {
  const trace = traceOf[rule.kind]
  if (trace === 'permit' || numbers['probe'] === 1) book.holders.set(keyOf(ticket), ticket)
  if (trace !== 'stamp') return
  book.stamps = [...book.stamps.filter((one) => one > at - windowOf(rule)), at]
}

function remove(book: Kept, keys: readonly string[]): void {
  for (const key of keys) {
    const one = book.waiting.get(key)
    if (!one) continue
    book.waiting.delete(key)
    const line = book.lines.get(lineOf(one.ticket))
    line?.delete(key)
    if (line?.size === 0) book.lines.delete(lineOf(one.ticket))
    const { tenant } = one.ticket
    if (![0, 1, 2, 3].some((rank) => book.lines.has(lineOf({ tenant, rank })))) {
      book.served.delete(tenant)
    }
  }
  if (book.waiting.size === 0) Object.assign(book, { opened: 0, touched: 0, came: 0 })
}

function serve(book: Kept, tenant: string): void {
  book.served.get(tenant)?.clear()
  for (const [other, seen] of book.served) if (other !== tenant) seen.add(tenant)
}
