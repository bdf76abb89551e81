import type { Run } from '../evidence.ts'
import type { Complain } from '../finding.ts'
import type { Invariant, Move } from '../invariant.ts'

export const results: Invariant = {
  name: 'results',
  law: 'I4',
  holds: 'an attempt runs at most once, and a recorded success is one that a handler brought',
  of: 'history',
  watch({ evidence: { runs, lost = [] } }) {
    if (!runs || lost.length > 0) return undefined
    const byAttempt = new Map(runs.map((run) => [`${run.dispatch}:${run.attempt}`, run]))
    return {
      transition: (move, complain) => checkSuccess(move, byAttempt, complain),
      end(complain) {
        const begun = new Set<string>()
        for (const { dispatch, attempt, process } of runs) {
          const which = `${dispatch}:${attempt}`
          if (begun.has(which)) {
            const what = `attempt ${attempt} runs a second time, on ${process}`
            complain('run.once', what, { dispatch })
          }
          begun.add(which)
        }
      },
    }
  },
}

function checkSuccess(
  { fact: { event, dispatch }, before, bundle: { at = Infinity } }: Move,
  runs: ReadonlyMap<string, Run>,
  complain: Complain,
): void {
  if (event.type !== 'attempt.succeeded' || !before) return
  const run = runs.get(`${dispatch}:${before.last.record.attempt}`)
  // Times of the log are whole milliseconds.
  const isBefore = (run?.endedAt ?? 0) <= at + 1
  if (run?.how === 'returned' && isBefore) return
  complain('run.result', 'it succeeded, but no handler had returned', { dispatch })
}
