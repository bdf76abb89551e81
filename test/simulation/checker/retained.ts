import { checkHistory, type Invariant, type Recorded } from '@waybill/history'
import type { Topology } from '@waybill/log'
import type { PastLog, Retired } from '../retiring.ts'
import type { Violate } from './violation.ts'

interface Known {
  readonly retired: readonly Retired[]
  readonly lost: readonly unknown[]
}

/** Nobody misses what retention took away. */
export const retained = ({ retired, lost }: Known): Invariant => ({
  name: 'retained',
  law: 'I1',
  holds: 'the event of what was under way when the floors were found is there when it is asked for',
  of: 'history',
  watch() {
    if (lost.length > 0) return undefined
    const foundAt = new Map(
      retired.map(({ message: { stream, seq }, ...one }) => [`${stream} ${seq}`, one.foundAt]),
    )
    const beganAt = new Map<string, number>()
    const missed = (place: string, since: number, say: (what: string) => void): void => {
      const found = foundAt.get(place)
      if (found === undefined) say(`${place} is there, and was not found`)
      else if (found > since) say(`${place} was taken away, and is asked for`)
    }
    return {
      entry({ entry: { facts }, bundle, id: { slot } }, complain) {
        for (const fact of facts) {
          if (fact.kind !== 'transition') continue
          const { dispatch, event } = fact
          // Of a batch its partition knows when it is told; until then only the ledger does.
          if (fact.origin || 'members' in event) beganAt.set(dispatch, storedAt(bundle))
          if (event.type !== 'attempt.failed' || event.error.name !== 'EventLost') continue
          const place = /nothing of it at (\S+ \d+)\//.exec(event.error.message)?.[1] ?? ''
          missed(streamOf(place), beganAt.get(dispatch) ?? Infinity, (what) =>
            complain('event.retained', what, { dispatch, slot }),
          )
        }
      },
    }
  },
})

/** Before it was stored nobody who looks for floors can know of it. */
const storedAt = ({ at = Infinity }: Recorded): number => at

/** A lane of a mailbox lies in the stream of all of them. */
const streamOf = (place: string): string => place.replace(/\.\w+ /, ' ')

/** What is left stands by itself: whoever checks it finds nothing, and knows what is gone. */
export async function checkLeft(
  {
    left,
    topology,
    retired,
  }: Omit<Known, 'lost'> & { readonly left: PastLog; readonly topology: Topology },
  violate: Violate,
): Promise<void> {
  if (retired.length === 0) return
  const { findings } = await checkHistory({ log: left, topology })
  for (const { law, rule, app, slot, bundle, what } of findings) {
    violate(law, `${rule}: ${app}/${slot}, bundle ${bundle}: what is left: ${what}`)
  }
}
