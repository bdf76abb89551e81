import { parseEffectId, type FactOf } from '@waybill/core'
import type { Complain } from '../finding.ts'
import type { Invariant, PartitionScope } from '../invariant.ts'

/** What a ledger tells a dispatch. */
const byLedger: ReadonlySet<string> = new Set([
  'gate.granted',
  'gate.refused',
  'circuit.answered',
  'dispatch.superseded',
])

export const answers: Invariant = {
  name: 'answers',
  law: 'I4',
  holds: 'a result moves a dispatch only under the effect that it awaits',
  of: 'partition',
  watch: (scope) => ({
    transition({ fact: { dispatch, event }, before, entry: { input } }, complain) {
      if (input.kind !== 'result' || !before || input.effect === before.asked) return
      // A place that becomes free lets others go on in the same entry.
      if (byLedger.has(event.type)) return
      const what = `it moves by the result of ${input.effect}, awaits ${before.asked ?? 'none'}`
      complain('effect.answered-once', what, { dispatch })
    },
    fact(fact, _, complain) {
      if (fact.kind === 'result.late') checkLate(scope, fact, complain)
    },
  }),
}

/** Late is what nobody waits for any more; what was never asked for is not late, it is wrong. */
function checkLate(
  { dispatches: { open, gone }, fromStart }: PartitionScope,
  { effect }: FactOf<'result.late'>,
  complain: Complain,
): void {
  const asked = parseEffectId(effect)
  if (!fromStart || !asked || open.has(asked.dispatch) || gone.has(asked.dispatch)) return
  complain('effect.asked', `a result for ${effect}, of a dispatch that never began`)
}
