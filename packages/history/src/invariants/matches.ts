import type { Invariant } from '../invariant.ts'

/** What does not start anything: an event that a pause holds back is judged when it is given. */
const unmatched: ReadonlySet<string> = new Set(['filtered', 'error', 'paused'])

export const matches: Invariant = {
  name: 'matches',
  law: 'I1',
  holds: 'every binding that matched starts one dispatch, and no other does',
  of: 'partition',
  watch: () => ({
    entry({ entry: { input, facts } }, complain) {
      if (input.kind !== 'event' && input.kind !== 'held') return
      const isGiven = facts.some(({ kind }) => kind === 'event.seen' || kind === 'event.released')
      if (!isGiven) return
      const started = facts.flatMap((fact) =>
        fact.kind === 'transition' && fact.origin ? [fact.origin.binding] : [],
      )
      const matched = input.verdicts
        .filter(({ result }) => !unmatched.has(result))
        .map(({ binding }) => binding)
      for (const binding of matched) {
        const times = started.filter((one) => one === binding).length
        if (times === 1) continue
        complain('event.matches', `${binding} matched and was started ${times} times`)
      }
      for (const binding of started) {
        if (matched.includes(binding)) continue
        complain('event.matches', `${binding} did not match and was started`)
      }
    },
  }),
}
