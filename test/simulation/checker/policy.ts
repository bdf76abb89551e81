import type { DispatchRecord, Transition } from '@waybill/core'
import { bindingOf } from '../app.ts'
import type { BindingOptions } from '../options.ts'
import type { History } from './check.ts'
import { transitionsOf, type Journal } from './journal.ts'
import type { Violate } from './violation.ts'

/**
 * What the app's own settings promise, computed here once more and in another way: replay cannot
 * find a mistake that is made the same way twice.
 */
export function checkPolicy(
  { options }: Pick<History, 'options'>,
  { entries }: Journal,
  violate: Violate,
): void {
  const before = new Map<string, Known>()
  for (const { fact } of transitionsOf(entries)) {
    const { dispatch, record, origin } = fact
    const known = before.get(dispatch)
    const name = origin?.binding ?? known?.name ?? ''
    const binding = bindingOf(options, name)
    if (binding && known) {
      const at = `${dispatch}, transition ${fact.index}`
      checkSpent(binding, known.record, fact, (what) => violate('I3', `${at}: ${what}`))
      checkDelay(binding, fact, (what) => violate('I12', `${at}: ${what}`))
      checkPermanent(binding, fact, (what) => violate('I2', `${at}: ${what}`))
    }
    before.set(dispatch, { record, name })
  }
}

interface Known {
  readonly record: DispatchRecord
  readonly name: string
}
type Say = (what: string) => void

/** Rule 4.3: a real run and the loss of its host spend an attempt; nothing else does. */
function checkSpent(
  { retry }: BindingOptions,
  before: DispatchRecord,
  { event, record }: Transition,
  say: Say,
): void {
  const spends = before.state === 'attempting' && isSpending(event)
  const expected = before.spent + (spends ? 1 : 0)
  if (record.spent !== expected) say(`${event.type} leaves ${record.spent} spent of ${expected}`)
  const goesOn = record.state === 'retryWait' || record.state === 'attempting'
  const most = spends && goesOn ? retry.maxAttempts - 1 : retry.maxAttempts
  if (record.spent > most) say(`goes on with ${record.spent} spent of ${retry.maxAttempts}`)
}

const isSpending = (event: Transition['event']): boolean =>
  event.type === 'attempt.failed' ||
  event.type === 'attempt.lost' ||
  (event.type === 'timer.due' && event.timer === 'attempt')

function checkDelay({ retry }: BindingOptions, { event, record }: Transition, say: Say): void {
  const { retry: due } = record.timers
  if (record.state !== 'retryWait' || due === undefined || event.type === 'attempt.parked') return
  const delay = due - record.at
  const longest = longestMs(retry, record.spent)
  const asked = event.type === 'attempt.failed' ? (event.error.afterMs ?? 0) : 0
  const least = Math.max(asked, retry.jitter === 'none' ? longest : 0)
  const most = Math.max(asked, longest)
  if (delay < least || delay > most) say(`waits ${delay} ms, should be ${least} to ${most}`)
}

function longestMs(retry: BindingOptions['retry'], attempt: number): number {
  switch (retry.kind) {
    case 'fixed':
      return retry.delayMs
    case 'linear':
      return Math.min(retry.capMs, retry.stepMs * attempt)
    case 'exponential':
      return Math.min(retry.capMs, Math.floor(retry.baseMs * retry.factor ** (attempt - 1)))
    case 'immediate':
    case 'svix':
    case 'list':
      return 0
    default:
      return retry satisfies never
  }
}

function checkPermanent(binding: BindingOptions, { event, to }: Transition, say: Say): void {
  if (to === 'failed' && binding.onPermanentError !== 'fail') say('failed, should be a dead letter')
  if (event.type !== 'attempt.failed' || event.error.class !== 'permanent') return
  const expected = binding.onPermanentError === 'fail' ? 'failed' : 'dlq'
  if (to !== expected) say(`${to} after a permanent error, should be ${expected}`)
}
