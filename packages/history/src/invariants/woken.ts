import { labelIn, type Entry, type Rule } from '@waybill/core'
import type { Invariant } from '../invariant.ts'
import { isMove, type Book, type Books } from '../ledgers/book.ts'

export const woken: Invariant = {
  name: 'woken',
  law: 'I17',
  holds: 'nobody waits beside room, when somebody left or a limit was changed (rule 7.9)',
  of: 'partition',
  watch({ books, fromStart }) {
    if (!fromStart) return {}
    // What does not fit one step is left to ticks.
    const backlog = new Set<string>()
    return {
      fact(fact) {
        if (fact.kind === 'ledger.backlog') backlog.add(fact.ledger)
        if (fact.kind === 'ledger.settled') backlog.delete(fact.ledger)
      },
      decided({ entry }, complain) {
        for (const id of touchedIn(books, entry)) {
          if (backlog.has(id) || backlog.has(labelIn(id))) continue
          const book = books.ledgers.get(id)
          const rule = books.ruleOf(id)
          if (!book || !rule || book.waiting.size === 0 || !hasRoom(book, rule)) continue
          complain('gate.woken', `${id}: ${book.waiting.size} wait, ${book.holders.size} hold`)
        }
      },
    }
  },
}

/** What changes for all says it of those in which somebody waits. */
function touchedIn({ ledgers }: Books, { input, facts }: Entry): Iterable<string> {
  const isForAll = facts.some(({ kind }) => kind === 'ledger.settled') || input.kind === 'def'
  return isForAll ? ledgers.keys() : new Set(facts.filter(isMove).map(({ ledger }) => ledger))
}

/** Where only time makes room, timers see to it. */
const hasRoom = ({ holders }: Book, rule: Rule): boolean =>
  (rule.kind === 'concurrency' && holders.size < rule.max) ||
  (rule.kind === 'singleton' && holders.size === 0)
