import type { Gate, Next } from './gate.ts'
import { usedWithin, type Ledger } from './ledger.ts'
import { first } from './queue.ts'

interface Window {
  readonly max: number
  readonly periodMs: number
}

/** Those who wait go in as others leave the window. */
export const throttled = {
  next(ledger: Ledger, { max, periodMs }: Window, at: number): Next | undefined {
    const used = usedWithin(ledger, at, periodMs)
    if (used >= max) return undefined
    const waiter = first(ledger.queue)
    return (
      waiter && { do: 'grant', ticket: waiter.ticket, numbers: { used: used + 1, max, periodMs } }
    )
  },
  due({ stamps, queue }: Ledger, { max, periodMs }: Window): number | undefined {
    if (queue.waiters.size === 0) return undefined
    const leaves = stamps[stamps.length - max]
    return leaves === undefined ? 0 : leaves + periodMs
  },
} as const

/** The same window as a rate limit, but over it one waits (rule 7.4). */
export const throttle: Gate<'throttle'> = {
  kind: 'throttle',
  judge(ledger, { max, periodMs }, _ticket, at) {
    const used = usedWithin(ledger, at, periodMs)
    const waiting = ledger.queue.waiters.size
    return used < max && waiting === 0
      ? { result: 'granted', numbers: { used: used + 1, max, periodMs } }
      : { result: 'waiting', numbers: { used, max, periodMs, ahead: waiting } }
  },
  ...throttled,
}
