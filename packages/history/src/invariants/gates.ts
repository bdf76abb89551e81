import type { Invariant } from '../invariant.ts'
import { createBook, isMove } from '../ledgers/book.ts'
import { faultsOf } from '../ledgers/moved.ts'

export const gates: Invariant = {
  name: 'gates',
  law: 'I17',
  holds:
    'each move of a ledger fits its rule in force: never more than max at a time or in any window, ' +
    'one at a time, whole batches, the newest of a row, and whose turn it is (rules 7.1 to 7.9)',
  of: 'partition',
  watch({ books, fromStart }) {
    // Who holds and who waits is known only from the beginning on.
    if (!fromStart) return {}
    return {
      fact(fact, { entry: { at } }, complain) {
        if (!isMove(fact)) return
        const { ledger } = fact
        const rule = books.ruleOf(ledger)
        if (!rule) {
          // A ticket that is void asks nothing.
          const isVoid = fact.kind === 'ledger.asked' && fact.answer.result === 'refused'
          if (!isVoid) complain('gate.rule', `${fact.kind} in ${ledger}, which has no rule`)
          return
        }
        for (const fault of faultsOf(
          books.ledgers.get(ledger) ?? createBook(ledger),
          rule,
          fact,
          at,
        )) {
          complain(`gate.${rule.kind}`, `${ledger}: ${fault}`)
        }
      },
    }
  },
}
