import type { DispatchEvent, RetryPolicy } from '@waybill/core'
import type { Invariant } from '../invariant.ts'

export const delays: Invariant = {
  name: 'delays',
  law: 'I12',
  holds: 'a retry waits as long as its policy and the other side say (rule 4.2)',
  of: 'partition',
  watch: () => ({
    transition({ fact: { event, record, dispatch }, manifest }, complain) {
      const due = record.timers.retry
      if (!manifest || record.state !== 'retryWait' || due === undefined) return
      if (event.type === 'attempt.parked' || isDeferred(event)) return
      const asked = event.type === 'attempt.failed' ? (event.error.afterMs ?? 0) : 0
      const { least, most } = boundsMs(manifest.retry, record.spent, Math.ceil(asked))
      const delay = due - record.at
      if (delay >= least && delay <= most) return
      complain('retry.delay', `waits ${delay} ms, should be ${least} to ${most}`, { dispatch })
    },
  }),
}

/** A circuit says when to come back: no attempt was made. */
const isDeferred = (event: DispatchEvent): boolean =>
  'standing' in event && event.standing?.result === 'deferred'

/** Computed here once more and in another way: replay finds no mistake that is made twice. */
function boundsMs(retry: RetryPolicy, spent: number, asked: number) {
  const longest = longestMs(retry, spent)
  // Powers round otherwise than what is multiplied step by step.
  const slack = retry.kind === 'exponential' ? 1 : 0
  const least = Math.max(asked, retry.jitter === 'none' ? longest - slack : 0)
  const most = Math.max(asked, longest + slack)
  return { least: Math.min(waitMsMax, least), most: Math.min(waitMsMax, most) }
}

/** 30 days: no wait is longer. */
const waitMsMax = 30 * 24 * 3_600_000
const svixSeconds = [5, 300, 1800, 7200, 18_000, 36_000, 36_000]

function longestMs(retry: RetryPolicy, spent: number): number {
  switch (retry.kind) {
    case 'fixed':
      return retry.delayMs
    case 'linear':
      return Math.min(retry.capMs, retry.stepMs * spent)
    case 'exponential':
      return Math.min(retry.capMs, Math.floor(retry.baseMs * retry.factor ** (spent - 1)))
    case 'immediate':
      return 0
    case 'svix':
      return (svixSeconds[Math.min(spent, svixSeconds.length) - 1] ?? 0) * 1000
    case 'list':
      return retry.delaysMs[Math.min(spent, retry.delaysMs.length) - 1] ?? 0
    default:
      return retry satisfies never
  }
}
