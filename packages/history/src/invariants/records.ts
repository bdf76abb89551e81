import type { Invariant } from '../invariant.ts'

export const records: Invariant = {
  name: 'records',
  law: 'I11',
  holds: 'the record in a transition is what the transition leads to',
  of: 'partition',
  watch: () => ({
    transition({ fact: { record, index, to, dispatch }, entry }, complain) {
      const say = (what: string): void => complain('dispatch.record', what, { dispatch })
      if (record.index !== index + 1) say(`record ${record.index} after transition ${index}`)
      if (record.state !== to) {
        say(`the record is in ${record.state}, the transition leads to ${to}`)
      }
      if (record.at !== entry.at) say(`the record is of ${record.at}, the entry of ${entry.at}`)
    },
  }),
}
