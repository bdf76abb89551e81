import type { Invariant } from '@waybill/history'
import { streamNames, type Stored, type Topology } from '@waybill/log'
import type { Effect } from '../effects.ts'
import type { Options } from '../options.ts'

interface Known {
  readonly options: Pick<Options, 'children'>
  readonly effects: readonly Effect[]
  readonly lost: readonly Stored[]
  readonly topology: Topology
}

/** Where an attempt ran, by the world's own notes, is where the journal wanted it to run. */
export const alone = ({ options, effects, lost, topology }: Known): Invariant => ({
  name: 'alone',
  law: 'I3',
  holds:
    'what is to run alone runs in a child process, what is not does not; one at a time in each',
  of: 'history',
  watch() {
    if (!options.children) return undefined
    const wanted = new Map<string, boolean>()
    // What a power cut took from the journal was carried out all the same, and is numbered anew.
    const isWhole = lost.every(({ stream }) => stream !== streamNames(topology).journal)
    return {
      entry({ entry }) {
        for (const effect of entry.effects) {
          if (effect.kind !== 'runAttempt') continue
          wanted.set(`${effect.dispatch} ${effect.attempt}`, effect.alone)
        }
      },
      end(complain) {
        const busy = new Map<string, Effect>()
        for (const run of effects) {
          const { dispatch, attempt, process } = run
          const isApart = process.includes('/child-')
          if (isWhole && wanted.get(`${dispatch} ${attempt}`) === !isApart) {
            complain('attempt.alone', `attempt ${attempt} ran in ${process}`, { dispatch })
          }
          if (!isApart) continue
          const before = busy.get(process)
          if (before && isUnderWay(before, run)) {
            complain('attempt.alone', `ran in ${process} beside ${before.dispatch}`, { dispatch })
          }
          busy.set(process, run)
        }
      },
    }
  },
})

const isUnderWay = ({ endedAt = Infinity }: Effect, { beganAt }: Effect): boolean =>
  endedAt > beganAt
