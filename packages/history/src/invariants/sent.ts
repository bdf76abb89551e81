import type { Invariant } from '../invariant.ts'

export const sent: Invariant = {
  name: 'sent',
  law: 'I1',
  holds: 'an attempt that is run again sends the same events, not new ones',
  of: 'history',
  watch({ evidence: { runs, lost = [] } }) {
    if (!runs || lost.length > 0) return undefined
    return {
      end(complain) {
        const first = new Map<string, string>()
        for (const { dispatch, sent: ids = [] } of runs) {
          for (const [ordinal, id] of ids.entries()) {
            const which = `${dispatch}:${ordinal}`
            const before = first.get(which) ?? id
            if (before !== id) {
              complain('run.sent', `event ${ordinal}: ${id}, was ${before}`, { dispatch })
            }
            first.set(which, id)
          }
        }
      },
    }
  },
}
