import { encode, labelIn, type Rule } from '@waybill/core'
import type { Invariant } from '../invariant.ts'

export const openings: Invariant = {
  name: 'openings',
  law: 'I17',
  holds:
    'a letter to a ledger elsewhere tells the rule that was deployed last, not one of the past',
  of: 'partition',
  watch({ books, fromStart }) {
    if (!fromStart) return {}
    return {
      fact(fact, _, complain) {
        if (fact.kind !== 'letter.queued' || !('opening' in fact.letter.body)) return
        const { opening, ledger } = fact.letter.body
        const known = books.deployedAs(labelIn(ledger))
        if (!known) return
        if (known.since === opening.since && isSame(known.rule, opening.rule)) return
        complain('gate.opening', `${ledger} is asked under a rule of ${opening.since}`)
      },
    }
  },
}

const isSame = (a: Rule, b: Rule): boolean => Buffer.compare(encode(a), encode(b)) === 0
