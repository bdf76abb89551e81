import type { Invariant } from '../invariant.ts'

export const fences: Invariant = {
  name: 'fences',
  law: 'I6',
  holds: 'a host that gives way was told so by a bundle of somebody else, and not by its own',
  of: 'history',
  watch({ evidence: { fences: seen, lost = [] } }) {
    if (!seen || lost.length > 0) return undefined
    // Per slot who writes from which sequence on, in order.
    const writers = new Map<number, { readonly seq: number; readonly incarnation: string }[]>()
    return {
      entry({ id: { slot }, entry: { input }, bundle: { seq } }) {
        if (input.kind !== 'epoch') return
        const known = writers.get(slot) ?? []
        known.push({ seq, incarnation: input.incarnation })
        writers.set(slot, known)
      },
      end(complain) {
        for (const { incarnation, slot, lastSeq } of seen) {
          const writer = writers.get(slot)?.findLast(({ seq }) => seq <= lastSeq)
          if (writer?.incarnation !== incarnation) continue
          complain('fence.self', `${incarnation} gave slot ${slot} up to itself`, { slot })
        }
      },
    }
  },
}
