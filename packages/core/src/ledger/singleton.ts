import type { Gate } from './gate.ts'
import { first, inOrder } from './queue.ts'
import { keyLimit, labelIn } from './limit.ts'
import { isNewer, keyOf, type Answer, type Ticket } from './ticket.ts'
import type { Ledger } from './ledger.ts'

/**
 * One at a time (rule 7.5). `skip`: whoever comes while one is active is turned away. `replace`: the
 * newest wins; the one that is active is told to stop, and the newest goes in once it has.
 */
export const singleton: Gate<'singleton'> = {
  kind: 'singleton',
  judge(ledger, { mode }, ticket) {
    const holder = holderOf(ledger)
    if (!holder && ledger.queue.waiters.size === 0)
      return { result: 'granted', numbers: { max: 1 } }
    // Who has run before and gave its permit back while it waited is not turned away (rule 7.7).
    if (ticket.admission > 1) return waits
    if (mode === 'skip') return busy(ledger, holder ?? first(ledger.queue)?.ticket)
    const newest = newestOf(ledger)
    if (newest && isNewer(newest, ticket)) {
      return { result: 'refused', reason: 'superseded', by: newest.dispatch, numbers: { max: 1 } }
    }
    return waits
  },
  next(ledger, { mode }) {
    const holder = holderOf(ledger)
    const newest = mode === 'replace' ? newestOf(ledger) : undefined
    if (newest) {
      const older = inOrder(ledger.queue).find(({ ticket }) => isNewer(newest, ticket))
      if (older) return evicted(older.ticket, newest)
      if (holder && keyOf(holder) !== ledger.revoked && isNewer(newest, holder)) {
        return { do: 'revoke', ticket: holder, by: newest.dispatch }
      }
    }
    if (holder) return undefined
    const waiter = first(ledger.queue)
    return waiter && { do: 'grant', ticket: waiter.ticket, numbers: { max: 1 } }
  },
  due: () => undefined,
}

function busy(ledger: Ledger, by: Ticket | undefined): Answer {
  const reason = labelIn(ledger.id).endsWith(`/${keyLimit}`) ? 'key_busy' : 'singleton_active'
  return { result: 'refused', reason, by: by?.dispatch, numbers: { max: 1 } }
}

const waits = { result: 'waiting', numbers: { used: 1, max: 1 } } as const

/** There may be several where the rule was another one when they came: the oldest. */
function holderOf({ holders }: Ledger): Ticket | undefined {
  let oldest: Ticket | undefined
  for (const holder of holders.values()) {
    if (!oldest || isNewer(oldest, holder)) oldest = holder
  }
  return oldest
}

function newestOf(ledger: Ledger): Ticket | undefined {
  let newest = holderOf(ledger)
  for (const { ticket } of ledger.queue.waiters.values()) {
    if (!newest || isNewer(ticket, newest)) newest = ticket
  }
  return newest
}

const evicted = (ticket: Ticket, { dispatch: by }: Ticket) =>
  ({ do: 'evict', ticket, reason: 'superseded', by, numbers: { max: 1 } }) as const
