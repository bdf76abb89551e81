import type { History } from './check.ts'
import { transitionsOf, type Journal } from './journal.ts'
import type { Violate } from './violation.ts'

/** A host leads with a clock up to 2 s off; requests take their time. */
const aheadMsMax = 3000
/** Once all is well again, and everything is led again. */
const calmAfterMs = 120_000
const lateMsMax = 15_000

/**
 * A timer is a field of the record before: what fires must have stood there, and be due. Nobody
 * writes from the future; and when nothing is wrong nobody is late.
 */
export function checkTimes(
  { options, startMs }: Pick<History, 'options' | 'startMs'>,
  { entries }: Journal,
  violate: Violate,
): void {
  const timers = new Map<string, Readonly<Record<string, number | undefined>>>()
  const calmFrom = startMs + options.faultsUntilMs + calmAfterMs
  for (const { fact, at, seq, storedAt } of transitionsOf(entries)) {
    const { event, dispatch, record } = fact
    if (at > storedAt + aheadMsMax)
      violate('I12', `${dispatch} at ${seq}: ${at - storedAt} ms ahead`)
    if (event.type === 'timer.due') {
      const due = timers.get(dispatch)?.[event.timer] ?? Infinity
      if (due > at) violate('I12', `${dispatch} at ${seq}: fires at ${at}, due ${due}`)
      const isLate = due > calmFrom && at - due > lateMsMax && options.pace === 'minutes'
      if (isLate) violate('I12', `${dispatch} at ${seq}: fires ${at - due} ms late`)
    }
    timers.set(dispatch, record.timers)
  }
}
