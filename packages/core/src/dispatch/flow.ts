import { z } from 'zod'
import { dispatchId } from '../id.ts'
import { numbers, refusal } from '../ledger/ticket.ts'

const at = z.int().nonnegative()

/** Where a dispatch stands with its limits; indices are those of its manifest. */
export const flow = z.strictObject({
  /** 1, and one more each time that it gave permits back while it waited (rule 7.7). */
  admission: z.int().positive(),
  /** Permits that it has, `[limit, admission]`, in the order in which they were taken. */
  held: z.array(z.tuple([z.int().nonnegative(), z.int().positive()])),
  /** The one that it asked and that has not let it in. */
  asked: z.int().nonnegative().optional(),
  /** Number of the letter that asked, where the ledger is another partition's. */
  letter: z.int().positive().optional(),
  since: at.optional(),
  /** What the gate said when it made it wait, or told it to come back. */
  why: z.strictObject({ gate: z.string(), numbers }).optional(),
  /** Events that it stands for, itself included, once a batch or a debounce is over. */
  standsFor: z.int().positive().optional(),
  /** Its circuit was told of a failure of it; once is enough until the circuit turns it back. */
  counted: z.literal(true).optional(),
})
export type Flow = z.infer<typeof flow>

/** An event that is handled together with a dispatch's own (rule 7.1). */
export const member = z.strictObject({
  dispatch: dispatchId,
  /** Its place in the stream of events. */
  order: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
})
export type Member = z.infer<typeof member>

/** How far a dispatch came in its order of limits; decided by the step, noted by the machine. */
export const standing = z.discriminatedUnion('result', [
  z.strictObject({ result: z.literal('open'), flow }),
  z.strictObject({ result: z.literal('waiting'), flow }),
  z.strictObject({
    result: z.literal('refused'),
    flow,
    gate: z.string(),
    reason: refusal,
    numbers,
    by: dispatchId.optional(),
  }),
  /** A circuit is open: it gives back what it has and asks again when its time has come. */
  z.strictObject({ result: z.literal('deferred'), flow, until: at }),
])
export type Standing = z.infer<typeof standing>
