import type { EffectOf, Entry, Transition } from '@waybill/core'
import type { Say } from './transitions.ts'

/** Attempts are 1, 2, 3 ..., and each is asked for exactly once. */
export function checkAttempt(
  before: Transition | undefined,
  fact: Transition,
  entry: Entry,
  say: Say,
): void {
  const { attempt, spent } = fact.record
  if (spent > attempt) say('attempt.spent', `${spent} attempts spent of ${attempt}`)
  const last = lastAttempt(before, fact)
  if (last === undefined) return
  const asked = askedFor(entry, fact.dispatch)
  if (attempt === last) {
    if (asked.length > 0) say('attempt.numbers', `attempt ${attempt} is asked for again`)
  } else if (attempt !== last + 1) {
    say('attempt.numbers', `attempt ${attempt} after ${last}`)
  } else if (asked.length !== 1 || asked[0]?.attempt !== attempt) {
    say('attempt.asked', `attempt ${attempt} is not asked for exactly once`)
  }
}

/** Undefined: its past is not kept, so there is nothing to count on from. */
function lastAttempt(before: Transition | undefined, { index }: Transition): number | undefined {
  if (before) return before.record.attempt
  return index === 0 ? 0 : undefined
}

function askedFor(entry: Entry, dispatch: string): readonly EffectOf<'runAttempt'>[] {
  return entry.effects.filter(
    (effect): effect is EffectOf<'runAttempt'> =>
      effect.kind === 'runAttempt' && effect.dispatch === dispatch,
  )
}
