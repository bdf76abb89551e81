import type { EffectOf, Entry } from '@waybill/core'
import type { Invariant, Move } from '../invariant.ts'

export const attempts: Invariant = {
  name: 'attempts',
  law: 'I3',
  holds: 'attempts are 1, 2, 3 ..., and each is asked for exactly once',
  of: 'partition',
  watch: () => ({
    transition(move, complain) {
      const { dispatch, record } = move.fact
      const { attempt, spent } = record
      const say = (rule: string, what: string): void => complain(rule, what, { dispatch })
      if (spent > attempt) say('attempt.spent', `${spent} attempts spent of ${attempt}`)
      const last = lastAttempt(move)
      if (last === undefined) return
      const asked = askedFor(move.entry, dispatch)
      if (attempt === last) {
        if (asked.length > 0) say('attempt.numbers', `attempt ${attempt} is asked for again`)
      } else if (attempt !== last + 1) {
        say('attempt.numbers', `attempt ${attempt} after ${last}`)
      } else if (asked.length !== 1 || asked[0]?.attempt !== attempt) {
        say('attempt.asked', `attempt ${attempt} is not asked for exactly once`)
      }
    },
  }),
}

/** Undefined: its past is not kept, so there is nothing to count on from. */
function lastAttempt({ before, fact }: Move): number | undefined {
  if (before) return before.last.record.attempt
  return fact.index === 0 ? 0 : undefined
}

function askedFor(entry: Entry, dispatch: string): readonly EffectOf<'runAttempt'>[] {
  return entry.effects.filter(
    (effect): effect is EffectOf<'runAttempt'> =>
      effect.kind === 'runAttempt' && effect.dispatch === dispatch,
  )
}
