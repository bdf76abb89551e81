import { z } from 'zod'
import { dispatchId } from '../id.ts'
import { circuit, circuitDeed, circuitView } from './circuit-state.ts'
import { rule } from './rule.ts'
import { answer, numbers, refusal, ticket, ticketKey } from './ticket.ts'

const ledger = z.string().max(256)

/** What a ledger is called and which rule is in force for its limit, where that was not known. */
export const opening = z.strictObject({
  tenant: z.string().optional(),
  key: z.string().max(256).optional(),
  rule,
  /** When the rule came into force, epoch ms; the newest one wins. */
  since: z.int().nonnegative(),
})
export type Opening = z.infer<typeof opening>

/** The moves of ledgers. Each is one decision, with its numbers. */
export const ledgerFacts = [
  /** A dispatch asked, and was answered at once. */
  z.strictObject({
    kind: z.literal('ledger.asked'),
    ledger,
    /** Only where the ledger, or the rule, was not known before. */
    opening: opening.optional(),
    ticket,
    answer,
  }),
  /** One who waited is let in. */
  z.strictObject({
    kind: z.literal('ledger.granted'),
    ledger,
    ticket: ticketKey,
    numbers,
    /** Tickets of those who are merged into it. */
    members: z.array(ticketKey).max(1000).optional(),
  }),
  /** One who waited is turned away in another's favour. */
  z.strictObject({
    kind: z.literal('ledger.evicted'),
    ledger,
    ticket: ticketKey,
    reason: refusal,
    by: dispatchId,
    numbers,
  }),
  /** A holder is told to stop in another's favour; it holds until it has. */
  z.strictObject({
    kind: z.literal('ledger.revoked'),
    ledger,
    ticket: ticketKey,
    by: dispatchId,
  }),
  /** A permit, or a place in the queue, was given back. */
  z.strictObject({ kind: z.literal('ledger.left'), ledger, ticket: ticketKey }),
  /** A ticket was given back before it asked: when it does, it is void. */
  z.strictObject({ kind: z.literal('ledger.voided'), ledger, ticket: ticketKey }),
  /** How a dispatch fared behind a circuit, and what the circuit is after that. */
  z.strictObject({
    kind: z.literal('ledger.told'),
    ledger,
    opening: opening.optional(),
    dispatch: dispatchId,
    ok: z.boolean(),
    probe: z.boolean(),
    circuit,
  }),
  /** An operator opened or closed a circuit, or lets somebody try. */
  z.strictObject({
    kind: z.literal('ledger.switched'),
    ledger,
    tenant: z.string().optional(),
    key: z.string().max(256).optional(),
    do: circuitDeed,
    by: z.string().max(1024),
    reason: z.string().max(1024),
    circuit,
  }),
  /** What this partition knows of a circuit that is elsewhere; none: there is nothing to know. */
  z.strictObject({ kind: z.literal('ledger.viewed'), ledger, view: circuitView.optional() }),
  /** There is more to do here than fits one step; ticks go on with it. */
  z.strictObject({ kind: z.literal('ledger.backlog'), ledger }),
  z.strictObject({ kind: z.literal('ledger.settled'), ledger }),
] as const
