import { isFinal, type Transition } from '@waybill/core'
import type { Complain } from '../finding.ts'
import type { Invariant, Move } from '../invariant.ts'

export const ends: Invariant = {
  name: 'ends',
  law: 'I2',
  holds: 'a dispatch has one end, the one that its binding says, and nothing comes after it',
  of: 'partition',
  watch: ({ dispatches: { gone } }) => ({
    fact(fact, _, complain) {
      if (fact.kind === 'dispatch.quarantined' && gone.has(fact.dispatch)) {
        const { dispatch } = fact
        complain('dispatch.one-end', 'it is quarantined after it had ended', { dispatch })
      }
      if (fact.kind === 'transition' && gone.has(fact.dispatch)) {
        const { dispatch, to } = fact
        complain('dispatch.one-end', `it moves to ${to} after it had ended`, { dispatch })
      }
    },
    transition(move, complain) {
      checkOutcome(move.fact, complain)
      checkPermanent(move, complain)
    },
  }),
}

function checkOutcome({ record, to, dispatch }: Transition, complain: Complain): void {
  const expected = isFinal(to) ? to : undefined
  if (record.outcome?.status === expected) return
  complain('dispatch.outcome', `it ends as ${record.outcome?.status ?? 'nothing'} in ${to}`, {
    dispatch,
  })
}

/** Rule 4.1: a permanent error ends it, as failed where the binding wants that. */
function checkPermanent({ fact, manifest }: Move, complain: Complain): void {
  if (!manifest) return
  const { to, event, dispatch } = fact
  const say = (what: string): void => complain('dispatch.permanent', what, { dispatch })
  if (to === 'failed' && manifest.onPermanentError !== 'fail') {
    say('failed, should be a dead letter')
  }
  if (event.type !== 'attempt.failed' || event.error.class !== 'permanent') return
  const expected = manifest.onPermanentError === 'fail' ? 'failed' : 'dlq'
  if (to !== expected) say(`${to} after a permanent error, should be ${expected}`)
}
