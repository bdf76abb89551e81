import { z } from 'zod'
import { circuit, type Circuit } from './circuit-state.ts'
import { createQueue, join, quit, restoreQueue, rotate, type Queue, type Waiter } from './queue.ts'
import type { Rule } from './rule.ts'
import { keyOf, ticket, ticketKey, type Ticket } from './ticket.ts'

/**
 * State that dispatches share under one limit and one key. One shape for all gates: what they
 * differ in is arithmetic. Changed by the moves below only, each of which can be taken back.
 */
export interface Ledger {
  /** The label of its limit, and a hash of the key where it has one. */
  readonly id: string
  /** For people. */
  readonly tenant?: string | undefined
  readonly key?: string | undefined
  /** Permits that are out, by the key of the ticket. */
  readonly holders: Map<string, Ticket>
  readonly queue: Queue
  /** Times at which somebody was let in within the window, ascending. */
  stamps: number[]
  /** Since those who wait have been gathering; 0 while nobody does. */
  opened: number
  /** When the last of them came. */
  touched: number
  /** How many came since it opened, those who left included. */
  came: number
  /** The holder that was told to stop. */
  revoked?: string | undefined
  /** Members of closed batches that have not been told yet, oldest first. */
  merging: readonly { readonly leader: string; readonly members: readonly Ticket[] }[]
  /** Of a circuit only; replaced, never changed. Its holder is the probe. */
  circuit?: Circuit | undefined
}

/** Takes a move back, in the reverse order of the moves. */
export type Undo = () => void

export type LedgerName = Pick<Ledger, 'id' | 'tenant' | 'key'>

export function createLedger({ id, tenant, key }: LedgerName): Ledger {
  return {
    id,
    tenant,
    key,
    holders: new Map(),
    queue: createQueue(),
    stamps: [],
    opened: 0,
    touched: 0,
    came: 0,
    merging: [],
  }
}

/** What being let in leaves behind: a permit that is given back, a mark in a window, nothing. */
export type Trace = 'permit' | 'stamp' | 'nothing'

export const traceOf: { readonly [K in Rule['kind']]: Trace } = {
  batch: 'nothing',
  debounce: 'nothing',
  rateLimit: 'stamp',
  throttle: 'stamp',
  singleton: 'permit',
  concurrency: 'permit',
  circuit: 'nothing',
}

/** Is it held until it is given back? */
export const isPermitRule = ({ kind }: Pick<Rule, 'kind'>): boolean => traceOf[kind] === 'permit'

/** Nothing would be forgotten with it. */
export function isEmpty({ holders, queue, stamps, merging, circuit: known }: Ledger): boolean {
  if (known !== undefined) return false
  return (
    holders.size === 0 && queue.waiters.size === 0 && stamps.length === 0 && merging.length === 0
  )
}

/** Has this one a permit here, a place in the queue, or one in a batch that is closed? */
export const knows = ({ holders, queue, merging }: Ledger, key: string): boolean =>
  holders.has(key) || queue.waiters.has(key) || (merging.length > 0 && isMerging(merging, key))

const isMerging = (merging: Ledger['merging'], key: string): boolean =>
  merging.some(({ members }) => members.some((one) => keyOf(one) === key))

// --- moves -----------------------------------------------------------------------------------

/** Let in without having waited. */
export function enter(ledger: Ledger, who: Ticket, rule: Rule, at: number): Undo {
  return leaveTrace(ledger, who, rule, at)
}

export function wait(ledger: Ledger, who: Ticket, at: number): Undo {
  const { opened, touched, came, queue } = ledger
  const { ring } = queue
  join(queue, { ticket: who, since: at })
  if (queue.waiters.size === 1) Object.assign(ledger, { opened: at, came: 0 })
  ledger.touched = at
  ledger.came += 1
  return () => {
    quit(queue, keyOf(who))
    queue.ring = ring
    Object.assign(ledger, { opened, touched, came })
  }
}

/** One more of the row came, and was turned away: the newest stands for it too. */
export function count(ledger: Ledger): Undo {
  ledger.came += 1
  return () => {
    ledger.came -= 1
  }
}

/** One who waited is let in; `members` wait with it and are told later that it stands for them. */
export function admit(
  ledger: Ledger,
  key: string,
  rule: Rule,
  at: number,
  members: readonly string[] = [],
): Undo {
  const { ring } = ledger.queue
  const { merging } = ledger
  const waiter = ledger.queue.waiters.get(key)
  if (!waiter) throw new Error(`${key} does not wait in ${ledger.id}`)
  const undo = [remove(ledger, key)]
  const merged: Ticket[] = []
  for (const member of members) {
    const found = ledger.queue.waiters.get(member)
    if (!found) throw new Error(`${member} does not wait in ${ledger.id}`)
    merged.push(found.ticket)
    undo.push(remove(ledger, member))
  }
  if (rule.kind === 'batch') undo.push(reopen(ledger))
  if (merged.length > 0) {
    ledger.merging = [...merging, { leader: waiter.ticket.dispatch, members: merged }]
  }
  rotate(ledger.queue, waiter.ticket.tenant)
  undo.push(leaveTrace(ledger, waiter.ticket, rule, at))
  return () => {
    for (const back of undo.toReversed()) back()
    ledger.queue.ring = ring
    ledger.merging = merging
  }
}

/** Those who are left have been gathering since the first of them came. */
function reopen(ledger: Ledger): Undo {
  const { opened, queue } = ledger
  let first = Infinity
  for (const { since } of queue.waiters.values()) first = Math.min(first, since)
  if (first < Infinity) ledger.opened = first
  return () => {
    ledger.opened = opened
  }
}

/** One who waited, or was merged, is turned away. */
export function evict(ledger: Ledger, key: string): Undo {
  const { merging } = ledger
  const at = merging.findIndex(({ members }) => members.some((one) => keyOf(one) === key))
  if (at === -1) return remove(ledger, key)
  ledger.merging = merging
    .map((one, place) =>
      place === at
        ? { ...one, members: one.members.filter((member) => keyOf(member) !== key) }
        : one,
    )
    .filter(({ members }) => members.length > 0)
  return () => {
    ledger.merging = merging
  }
}

/** Gives back what it has here, a permit or a place in the queue. */
export function leave(ledger: Ledger, key: string): Undo {
  const { holders, revoked } = ledger
  const held = holders.get(key)
  if (!held) return evict(ledger, key)
  holders.delete(key)
  if (revoked === key) ledger.revoked = undefined
  return () => {
    holders.set(key, held)
    ledger.revoked = revoked
  }
}

/** A holder is told to stop; it still holds. */
export function revoke(ledger: Ledger, key: string): Undo {
  const { revoked } = ledger
  ledger.revoked = key
  return () => {
    ledger.revoked = revoked
  }
}

function remove(ledger: Ledger, key: string): Undo {
  const { queue, opened, touched, came } = ledger
  const { ring } = queue
  const waiter = quit(queue, key)
  if (queue.waiters.size === 0) Object.assign(ledger, { opened: 0, touched: 0, came: 0 })
  return () => {
    if (!waiter) return
    join(queue, waiter)
    queue.ring = ring
    Object.assign(ledger, { opened, touched, came })
  }
}

function leaveTrace(ledger: Ledger, who: Ticket, rule: Rule, at: number): Undo {
  const trace = traceOf[rule.kind]
  if (trace === 'permit') {
    ledger.holders.set(keyOf(who), who)
    return () => {
      ledger.holders.delete(keyOf(who))
    }
  }
  if (trace === 'nothing') return () => undefined
  const { stamps } = ledger
  const past = 'periodMs' in rule ? countUntil(stamps, at - rule.periodMs) : 0
  // In halves, so that forgetting costs nothing in the long run.
  if (past * 2 > stamps.length) ledger.stamps = stamps.slice(past)
  ledger.stamps.push(at)
  return () => {
    ledger.stamps.pop()
    ledger.stamps = stamps
  }
}

/** How many stamps are not after this time. */
export function countUntil(stamps: readonly number[], time: number): number {
  let from = 0
  let to = stamps.length
  while (from < to) {
    const middle = (from + to) >> 1
    if ((stamps[middle] as number) <= time) from = middle + 1
    else to = middle
  }
  return from
}

/** How many were let in during the window that ends now. */
export const usedWithin = ({ stamps }: Ledger, at: number, periodMs: number): number =>
  stamps.length - countUntil(stamps, at - periodMs)

// --- snapshots -------------------------------------------------------------------------------

const time = z.int().nonnegative()

/** Without those who wait: they are many, and stand with their dispatches. */
export const plainLedger = z.strictObject({
  id: z.string().max(256),
  tenant: z.string().optional(),
  key: z.string().optional(),
  holders: z.array(ticket),
  ring: z.array(z.string()),
  stamps: z.array(time),
  opened: time,
  touched: time,
  came: time,
  revoked: ticketKey.optional(),
  merging: z.array(z.strictObject({ leader: z.string(), members: z.array(ticket) })),
  circuit: circuit.optional(),
})
export type PlainLedger = z.infer<typeof plainLedger>

export function toPlainLedger(ledger: Ledger): PlainLedger {
  const { id, tenant, key, holders, queue, stamps, opened, touched, came, revoked } = ledger
  return {
    id,
    tenant,
    key,
    holders: [...holders.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, held]) => held),
    ring: [...queue.ring],
    stamps: [...stamps],
    opened,
    touched,
    came,
    revoked,
    circuit: ledger.circuit,
    merging: ledger.merging.map(({ leader, members }) => ({ leader, members: [...members] })),
  }
}

export function fromPlainLedger(plain: PlainLedger, waiters: readonly Waiter[]): Ledger {
  const { holders, ring, ...rest } = plain
  return {
    ...createLedger(plain),
    ...rest,
    holders: new Map(holders.map((held) => [keyOf(held), held])),
    queue: restoreQueue(waiters, ring),
  }
}
