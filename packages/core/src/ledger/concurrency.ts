import type { Gate } from './gate.ts'
import { first } from './queue.ts'

/** At most `max` at a time; the rest wait, the most urgent and longest waiting first (rule 7.6). */
export const concurrency: Gate<'concurrency'> = {
  kind: 'concurrency',
  judge({ holders, queue }, { max }) {
    const used = holders.size
    const waiting = queue.waiters.size
    return used < max && waiting === 0
      ? { result: 'granted', numbers: { used: used + 1, max } }
      : { result: 'waiting', numbers: { used, max, ahead: waiting } }
  },
  next({ holders, queue }, { max }) {
    if (holders.size >= max) return undefined
    const waiter = first(queue)
    if (!waiter) return undefined
    return { do: 'grant', ticket: waiter.ticket, numbers: { used: holders.size + 1, max } }
  },
  due: () => undefined,
}
