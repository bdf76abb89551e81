import type { Run } from '../evidence.ts'
import type { Complain } from '../finding.ts'
import type { Invariant } from '../invariant.ts'

/** Where an attempt was asked for. */
interface Place {
  readonly seq: number
  readonly storedAt: number
}

export const runs: Invariant = {
  name: 'runs',
  law: 'I5',
  holds:
    'a handler runs after the log has the entry that asks for it, once, under the key of its ' +
    'line, with that entry in its token',
  of: 'history',
  watch({ evidence: { runs: seen, lost = [] } }) {
    // A power cut takes entries away whose effects were carried out: outside nothing is taken back.
    if (!seen || lost.length > 0) return undefined
    const asked = new Map<string, Place>()
    // A redrive goes on under the key of the first of its line (rule 11).
    const roots = new Map<string, string>()
    return {
      transition({ fact: { dispatch, origin } }) {
        if (origin?.root !== undefined) roots.set(dispatch, origin.root)
      },
      entry({ entry, bundle: { seq, at = 0 } }) {
        for (const effect of entry.effects) {
          if (effect.kind !== 'runAttempt') continue
          asked.set(`${effect.dispatch}:${effect.attempt}`, { seq, storedAt: at })
        }
      },
      end(complain) {
        for (const run of seen) checkRun(run, asked, roots.get(run.dispatch), complain)
      },
    }
  },
}

function checkRun(
  run: Run,
  asked: ReadonlyMap<string, Place>,
  root: string = run.dispatch,
  complain: Complain,
): void {
  const { dispatch, attempt, token, key, process, beganAt } = run
  const which = `${dispatch}:${attempt}`
  const say = (rule: string, what: string): void => complain(rule, what, { dispatch })
  const place = asked.get(which)
  if (!place) {
    return say('run.asked', `attempt ${attempt} runs on ${process}, and no entry asks for it`)
  }
  const expected = `${which}:${place.seq}`
  if (token !== expected) say('run.token', `token ${token}, should be ${expected}`)
  if (key !== root) say('run.key', `attempt ${attempt} runs under the key ${key}`)
  if (beganAt !== undefined && beganAt < place.storedAt) {
    say('run.early', `attempt ${attempt} began at ${beganAt}, was asked for at ${place.storedAt}`)
  }
}
