import type { Ledger } from './ledger.ts'
import type { RuleKind, RuleOf } from './rule.ts'
import type { Answer, Numbers, Refusal, Ticket } from './ticket.ts'

/** What a ledger does next of its own accord. */
export type Next =
  | {
      readonly do: 'grant'
      readonly ticket: Ticket
      readonly numbers: Numbers
      /** Who is merged into it. */
      readonly members?: readonly Ticket[]
    }
  | {
      readonly do: 'evict'
      readonly ticket: Ticket
      readonly reason: Refusal
      readonly by: string
      readonly numbers: Numbers
    }
  /** A holder is told to stop. */
  | { readonly do: 'revoke'; readonly ticket: Ticket; readonly by: string }

/**
 * The arithmetic of one kind of limit: pure functions of the ledger, the rule in force and the time.
 * They decide; what they decide is recorded as a move and carried out by `ledger.ts`.
 */
export interface Gate<K extends RuleKind> {
  readonly kind: K
  /** What one who asks now is told at once. */
  judge(ledger: Ledger, rule: RuleOf<K>, ticket: Ticket, at: number): Answer
  /** The next thing to do with those who wait; undefined: nothing for now. */
  next(ledger: Ledger, rule: RuleOf<K>, at: number): Next | undefined
  /** When there may be a next thing although nothing happens, epoch ms. */
  due(ledger: Ledger, rule: RuleOf<K>): number | undefined
}
