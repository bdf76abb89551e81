import { z } from 'zod'
import { member } from '../dispatch/flow.ts'
import { dispatchState, inputRef } from '../dispatch/record.ts'
import { waybillEvent } from '../event.ts'
import { dispatchId, eventId, token } from '../id.ts'
import { circuitDeed } from '../ledger/circuit-state.ts'
import { opening } from '../ledger/fact.ts'
import { place } from '../ledger/limit.ts'
import { numbers, refusal, ticket, ticketKey } from '../ledger/ticket.ts'

const text = z.string().max(1024)

const letterFrom = z.strictObject({
  kind: z.enum(['client', 'partition']),
  id: z.string().max(256),
  /** Between partitions: gapless per sender and receiver, taken as n + 1 only. */
  number: z.int().positive().optional(),
})

export const cancelTarget = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('dispatch'), dispatch: dispatchId }),
  z.strictObject({ kind: z.literal('event'), event: eventId }),
  z.strictObject({
    kind: z.literal('filter'),
    binding: token.optional(),
    state: dispatchState.optional(),
    tenant: z.string().optional(),
  }),
])
export type CancelTarget = z.infer<typeof cancelTarget>

const ledger = z.string().max(256)
const by = dispatchId.optional()
/** Which question of which dispatch is answered. */
const asked = {
  dispatch: dispatchId,
  admission: z.int().positive(),
  index: z.int().nonnegative(),
}

/** What fits one entry, with room for what the limits have to say. */
export const redrivesPerLetterMax = 64

/** Under which version of its binding a dispatch runs again: its own, or the one that is active. */
const version = z.enum(['same', 'active'])

export const letterBody = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('cancel'), target: cancelTarget, by: text, reason: text }),
  /** Dead letters are run again, each as a new dispatch under the same idempotency key (rule 11). */
  z.strictObject({
    kind: z.literal('redrive'),
    dispatches: z.array(dispatchId).min(1).max(redrivesPerLetterMax),
    version,
    by: text,
    reason: text,
    /** Instead of the event that it died of; for one dispatch only. */
    event: waybillEvent.optional(),
  }),
  z.strictObject({
    kind: z.literal('discard'),
    dispatches: z.array(dispatchId).min(1).max(1000),
    by: text,
    reason: text,
  }),
  /** An event is run again by one binding, as a new dispatch with a key of its own (rule 14.4). */
  z.strictObject({
    kind: z.literal('rerun'),
    of: dispatchId,
    /** `<id>@v<n>` */
    binding: z.string(),
    event: z.strictObject({ id: eventId, tenant: z.string() }),
    ref: inputRef,
    key: text.optional(),
    limits: z.array(place).max(16).optional(),
    batch: z.array(member).max(1000).optional(),
    by: text,
    reason: text,
  }),
  /**
   * An operator opens or closes a circuit, or lets somebody try. Goes to its home first, then to
   * every other partition of the app, which otherwise learns of it with its next failure.
   */
  z.strictObject({
    kind: z.literal('circuit'),
    ledger,
    /** The slot that it lives in, its tenant and its destination: of its place. */
    home: z.int().nonnegative(),
    tenant: z.string().optional(),
    key: z.string().max(256).optional(),
    do: circuitDeed,
    by: text,
    reason: text,
    /** Of `open`: for how long; without it until it is closed by hand. */
    forMs: z
      .int()
      .positive()
      .max(30 * 24 * 3_600_000)
      .optional(),
    /**
     * Of `close`: all who wait here are to ask again. Of `probe`, elsewhere than at home: one is to, as
     * nobody waits at home.
     */
    wake: z.boolean().optional(),
  }),
  // From here on: between partitions only.
  /** A dispatch asks a ledger. */
  z.strictObject({ kind: z.literal('reserve'), ledger, opening, ticket }),
  /** A dispatch gives back what it has there. */
  z.strictObject({
    kind: z.literal('release'),
    ledger,
    ticket: ticketKey,
    /** Number of the letter that asked, unless it was answered: it may be on its way still. */
    letter: z.int().positive().optional(),
  }),
  z.strictObject({
    kind: z.literal('granted'),
    ...asked,
    numbers,
    /** It is held until it is given back. */
    permit: z.boolean(),
    members: z.array(member).max(1000).optional(),
  }),
  z.strictObject({ kind: z.literal('waiting'), ...asked, numbers }),
  z.strictObject({ kind: z.literal('refused'), ...asked, reason: refusal, numbers, by }),
  /** A circuit is open: ask again, not before `until`. */
  z.strictObject({
    kind: z.literal('deferred'),
    ...asked,
    until: z.int().nonnegative(),
    numbers,
  }),
  /** A holder is told to stop in another's favour. */
  z.strictObject({ kind: z.literal('revoke'), ...asked, by: dispatchId }),
  /** How a dispatch fared behind a circuit. */
  z.strictObject({
    kind: z.literal('outcome'),
    ledger,
    opening,
    dispatch: dispatchId,
    ok: z.boolean(),
    probe: z.boolean(),
  }),
  /** Are dispatches to ask a circuit before they run? */
  z.strictObject({
    kind: z.literal('circuitState'),
    ledger,
    open: z.boolean(),
    until: z.int().nonnegative(),
    held: z.boolean().optional(),
  }),
])
export type LetterBody = z.infer<typeof letterBody>

export const LETTER_VERSION = 1
export const letter = z.strictObject({
  v: z.literal(LETTER_VERSION),
  id: token,
  from: letterFrom,
  body: letterBody,
  replyTo: z.string().max(256).optional(),
})
export type Letter = z.infer<typeof letter>

/** Where letters between partitions go. What begins work travels apart from what ends it. */
export const receiver = z.strictObject({
  app: token,
  slot: z.int().nonnegative(),
  lane: z.enum(['ask', 'answer']),
})
export type Receiver = z.infer<typeof receiver>

/** What a client reads back for its letter, after the entry that decided is committed. */
const declined = z.strictObject({ dispatch: dispatchId, code: token, reason: text })
export type Declined = z.infer<typeof declined>

export const letterAnswer = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('redriven'),
    started: z.array(z.strictObject({ of: dispatchId, dispatch: dispatchId })),
    declined: z.array(declined),
  }),
  z.strictObject({
    kind: z.literal('discarded'),
    dispatches: z.array(dispatchId),
    declined: z.array(declined),
  }),
  z.strictObject({ kind: z.literal('cancelled'), dispatches: z.int(), more: z.boolean() }),
  z.strictObject({
    kind: z.literal('circuit'),
    ledger,
    state: z.enum(['closed', 'open']),
    until: z.int().nonnegative(),
    /** Is this its home? Others only know whether to ask. */
    here: z.boolean(),
    /** Of `probe`: did somebody wait here who tries now? */
    woke: z.boolean().optional(),
  }),
  z.strictObject({ kind: z.literal('refused'), code: token, reason: text }),
])
export type LetterAnswer = z.infer<typeof letterAnswer>
