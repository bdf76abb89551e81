import type { Gate } from './gate.ts'
import { inOrder } from './queue.ts'
import { isNewer } from './ticket.ts'
import type { Ledger } from './ledger.ts'
import type { RuleOf } from './rule.ts'

/**
 * Of a row of events the newest one runs, after `periodMs` of quiet or `maxWaitMs` after the first;
 * it can see for how many it stands (rule 7.2).
 */
export const debounce: Gate<'debounce'> = {
  kind: 'debounce',
  judge(ledger, _rule, ticket) {
    const newest = inOrder(ledger.queue).at(-1)?.ticket
    const numbers = { came: ledger.came + 1 }
    return newest && isNewer(newest, ticket)
      ? { result: 'refused', reason: 'debounced', by: newest.dispatch, numbers }
      : { result: 'waiting', numbers }
  },
  next(ledger, rule, at) {
    const waiting = inOrder(ledger.queue)
    const newest = waiting.at(-1)?.ticket
    const [oldest] = waiting
    if (!newest || !oldest) return undefined
    const numbers = { came: ledger.came }
    if (oldest.ticket !== newest) {
      return {
        do: 'evict',
        ticket: oldest.ticket,
        reason: 'debounced',
        by: newest.dispatch,
        numbers,
      }
    }
    return at < quietAt(ledger, rule) ? undefined : { do: 'grant', ticket: newest, numbers }
  },
  due: (ledger, rule) => (ledger.queue.waiters.size === 0 ? undefined : quietAt(ledger, rule)),
}

function quietAt({ opened, touched }: Ledger, { periodMs, maxWaitMs }: RuleOf<'debounce'>): number {
  const quiet = touched + periodMs
  return maxWaitMs === undefined ? quiet : Math.min(quiet, opened + maxWaitMs)
}
