import type { Transition } from '@waybill/core'
import type { Invariant } from '../invariant.ts'

export const spent: Invariant = {
  name: 'spent',
  law: 'I3',
  holds:
    'a real run and the loss of its host spend an attempt, nothing else does (rule 4.3), and ' +
    'there are no more of them than the binding allows',
  of: 'partition',
  watch: () => ({
    transition({ fact, before, manifest }, complain) {
      if (!before || !manifest) return
      const { event, record, dispatch } = fact
      const { maxAttempts } = manifest.retry
      const say = (what: string): void => complain('attempt.spends', what, { dispatch })
      const spends = before.last.to === 'attempting' && isSpending(event)
      const expected = before.last.record.spent + (spends ? 1 : 0)
      if (record.spent !== expected) {
        say(`${event.type} leaves ${record.spent} spent of ${expected}`)
      }
      const goesOn = record.state === 'retryWait' || record.state === 'attempting'
      const most = spends && goesOn ? maxAttempts - 1 : maxAttempts
      if (record.spent > most) say(`goes on with ${record.spent} spent of ${maxAttempts}`)
    },
  }),
}

const isSpending = (event: Transition['event']): boolean =>
  event.type === 'attempt.failed' ||
  event.type === 'attempt.lost' ||
  (event.type === 'timer.due' && event.timer === 'attempt')
