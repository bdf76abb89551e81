import type { Gate } from './gate.ts'
import { usedWithin } from './ledger.ts'
import { throttled } from './throttle.ts'

/** At most `max` in any window of `periodMs`; over it, no (rule 7.3). A sliding log, so it is exact. */
export const rateLimit: Gate<'rateLimit'> = {
  kind: 'rateLimit',
  judge(ledger, { max, periodMs }, _ticket, at) {
    const used = usedWithin(ledger, at, periodMs)
    if (used < max) return { result: 'granted', numbers: { used: used + 1, max, periodMs } }
    // The one that has to leave the window before there is room.
    const leaves = ledger.stamps[ledger.stamps.length - max] ?? at
    const retryAfterMs = leaves + periodMs - at
    const numbers = { used, max, periodMs, retryAfterMs }
    return { result: 'refused', reason: 'rate_limited', numbers }
  },
  // Whoever waits came under another rule, and goes on waiting for room.
  next: throttled.next,
  due: throttled.due,
}
