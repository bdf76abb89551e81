import type { Invariant } from '../invariant.ts'

export const time: Invariant = {
  name: 'time',
  law: 'I12',
  holds: 'the time of an entry is never less than that of the entry before',
  of: 'partition',
  watch() {
    let last = 0
    return {
      entry({ entry: { at } }, complain) {
        if (at < last) complain('time.order', `${at} after ${last}`)
        last = at
      },
    }
  },
}
