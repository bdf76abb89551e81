import type { Numbers, Rule, RuleOf, Ticket } from '@waybill/core'
import type { Book } from './book.ts'

/** Is there room for one more, and are the numbers that the move gives true? */
export function* room(book: Book, rule: Rule, at: number, said: Numbers): Iterable<string> {
  switch (rule.kind) {
    case 'concurrency':
      if (book.holders.size >= rule.max) yield `${book.holders.size} of ${rule.max} hold already`
      if (said['used'] !== book.holders.size + 1) {
        yield `${book.holders.size} hold, it says ${said['used']} with it`
      }
      return
    case 'singleton':
      if (book.holders.size > 0) yield `${book.holders.size} hold already`
      return
    case 'rateLimit':
    case 'throttle': {
      const used = usedWithin(book, rule, at)
      if (used >= rule.max) yield `${used} of ${rule.max} in this window already`
      return
    }
    case 'batch':
    case 'debounce':
    case 'circuit':
      return
    default:
      return rule satisfies never
  }
}

/** The window is (at - period, at]; what a shorter one forgot is not asked about. */
export const usedWithin = (
  book: Book,
  { periodMs }: RuleOf<'rateLimit' | 'throttle'>,
  at: number,
): number => book.stamps.filter((one) => one > Math.max(at - periodMs, book.floor)).length

export const isThere = ({ holders, waiting, merging }: Book, key: string): boolean =>
  holders.has(key) || waiting.has(key) || merging.has(key)

export const present = ({ holders, waiting }: Book): Ticket[] => [
  ...holders.values(),
  ...[...waiting.values()].map(({ ticket }) => ticket),
]

/** In the order of their events (SEMANTICS 3.6). */
export function isNewer(a: Ticket, b: Ticket): boolean {
  const ordered = a.order[0] - b.order[0] || a.order[1] - b.order[1]
  if (ordered !== 0) return ordered > 0
  return a.dispatch === b.dispatch ? a.admission > b.admission : a.dispatch > b.dispatch
}
