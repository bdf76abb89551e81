import type { Invariant } from '../invariant.ts'

export const fences: Invariant = {
  name: 'fences',
  law: 'I6',
  holds: 'a host that gives way was told so by a bundle of somebody else, and not by its own',
  of: 'history',
  watch({ evidence: { fences: seen, lost = [] } }) {
    if (!seen || lost.length > 0) return undefined
    // Per partition who writes from which sequence on, in order.
    const writers = new Map<string, { readonly seq: number; readonly incarnation: string }[]>()
    return {
      entry({ id: { app, slot }, entry: { input }, bundle: { seq } }) {
        if (input.kind !== 'epoch') return
        const known = writers.get(`${app}/${slot}`) ?? []
        known.push({ seq, incarnation: input.incarnation })
        writers.set(`${app}/${slot}`, known)
      },
      end(complain) {
        for (const { incarnation, app, slot, lastSeq } of seen) {
          const writer = writers.get(`${app}/${slot}`)?.findLast(({ seq }) => seq <= lastSeq)
          if (writer?.incarnation !== incarnation) continue
          complain('fence.self', `${incarnation} gave slot ${slot} up to itself`, { slot })
        }
      },
    }
  },
}
