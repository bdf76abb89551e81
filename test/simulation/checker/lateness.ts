import type { Invariant } from '@waybill/history'
import type { Options } from '../options.ts'

/** A host leads with a clock up to 2 s off; requests take their time. */
const aheadMsMax = 3000
/** Once all is well again, and everything is led again. */
const calmAfterMs = 120_000
const lateMsMax = 15_000

interface Known {
  readonly options: Pick<Options, 'faultsUntilMs' | 'pace'>
  readonly startMs: number
}

/** Only virtual time is known to be right: nobody writes from the future, and in calm nobody is late. */
export const lateness = ({ options, startMs }: Known): Invariant => ({
  name: 'lateness',
  law: 'I12',
  holds: 'nobody writes from the future; and when nothing is wrong no timer is late',
  of: 'partition',
  watch() {
    const calmFrom = startMs + options.faultsUntilMs + calmAfterMs
    // A handler may take its host down in any calm; then nobody leads until the lease has lapsed.
    let ledFrom = 0
    return {
      entry({ entry: { at, input } }) {
        if (input.kind === 'epoch') ledFrom = at
      },
      transition({ fact, before, entry: { at }, bundle }, complain) {
        const { dispatch, event } = fact
        const ahead = at - (bundle.at ?? Infinity)
        if (ahead > aheadMsMax) complain('time.ahead', `${ahead} ms ahead`, { dispatch })
        if (event.type !== 'timer.due' || options.pace !== 'minutes') return
        const { timers, at: setAt } = before?.last.record ?? { timers: {}, at: 0 }
        const due = timers[event.timer] ?? 0
        // What comes by letter may name a time that is over when it is read.
        const lateMs = at - Math.max(due, setAt, ledFrom)
        if (due <= calmFrom || lateMs <= lateMsMax) return
        complain('timer.late', `${event.timer} fires ${lateMs} ms late`, { dispatch })
      },
    }
  },
})
