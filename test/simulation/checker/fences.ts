import type { History } from './check.ts'
import type { Journal } from './journal.ts'
import type { Violate } from './violation.ts'

/** A host that gives way was told so by a bundle of somebody else, and not by its own. */
export function checkFences(
  { fences, lost }: Pick<History, 'fences' | 'lost'>,
  journals: readonly Journal[],
  violate: Violate,
): void {
  if (lost.length > 0) return
  for (const { incarnation, slot, lastSeq } of fences) {
    let writer: string | undefined
    for (const { entry, seq } of journals[slot]?.entries ?? []) {
      if (seq > lastSeq) break
      if (entry.input.kind === 'epoch') writer = entry.input.incarnation
    }
    if (writer === incarnation) violate('I6', `${incarnation} gave slot ${slot} up to itself`)
  }
}
