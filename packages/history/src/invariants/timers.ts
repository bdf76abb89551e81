import type { Invariant } from '../invariant.ts'

export const timers: Invariant = {
  name: 'timers',
  law: 'I12',
  holds: 'what fires stood in the record before, and was due',
  of: 'partition',
  watch: () => ({
    transition({ fact: { event, dispatch }, before, entry: { at } }, complain) {
      if (event.type !== 'timer.due' || !before) return
      const due = before.last.record.timers[event.timer] ?? Infinity
      if (due <= at) return
      complain('timer.early', `${event.timer} fires at ${at}, is due ${due}`, { dispatch })
    },
  }),
}
