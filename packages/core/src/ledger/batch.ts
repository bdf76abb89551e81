import type { Gate } from './gate.ts'
import type { Ledger } from './ledger.ts'
import { inOrder } from './queue.ts'
import type { RuleOf } from './rule.ts'
import type { Ticket } from './ticket.ts'

/**
 * Gathers `size` events, or what has come `timeoutMs` after the first, into the dispatch of the first
 * one; the others end as merged into it (rule 7.1).
 */
export const batch: Gate<'batch'> = {
  kind: 'batch',
  judge(ledger, { size }) {
    const gathered = ledger.queue.waiters.size + 1
    return size === 1 && gathered === 1
      ? { result: 'granted', numbers: { gathered: 1, size } }
      : { result: 'waiting', numbers: { gathered, size } }
  },
  next(ledger, rule, at) {
    const [merged] = ledger.merging
    const [follower] = merged?.members ?? []
    if (merged && follower) {
      const numbers = { left: merged.members.length }
      return { do: 'evict', ticket: follower, reason: 'batch_merged', by: merged.leader, numbers }
    }
    if (!isFull(ledger, rule) && at < closesAt(ledger, rule)) return undefined
    const [leader, ...members] = chosen(ledger, rule)
    if (!leader) return undefined
    return { do: 'grant', ticket: leader, members, numbers: { gathered: members.length + 1 } }
  },
  due(ledger, rule) {
    if (ledger.merging.length > 0) return 0
    return ledger.queue.waiters.size === 0 ? undefined : closesAt(ledger, rule)
  },
}

const closesAt = ({ opened }: Ledger, { timeoutMs }: RuleOf<'batch'>): number => opened + timeoutMs

function isFull({ queue }: Ledger, { size, bytesMax }: RuleOf<'batch'>): boolean {
  const { waiters } = queue
  if (waiters.size >= size) return true
  if (bytesMax === undefined) return false
  let bytes = 0
  for (const { ticket } of waiters.values()) bytes += ticket.bytes ?? 0
  return bytes >= bytesMax
}

/** The oldest that fit; the first one always does. */
function chosen({ queue }: Ledger, { size, bytesMax = Infinity }: RuleOf<'batch'>): Ticket[] {
  const fitting: Ticket[] = []
  let bytes = 0
  for (const { ticket } of inOrder(queue)) {
    bytes += ticket.bytes ?? 0
    if (fitting.length >= size || (fitting.length > 0 && bytes > bytesMax)) break
    fitting.push(ticket)
  }
  return fitting
}
