import { z } from 'zod'
import { dispatchId } from '../id.ts'

/** `<dispatch>:<transition>:<ordinal>`; an effect's result comes back under the same id. */
const id = z.string().max(128)

/**
 * What must be done, as data. Nothing here is carried out before the entry that holds it is
 * acknowledged by the log.
 */
export const effect = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('evaluatePredicate'), id, dispatch: dispatchId }),
  z.strictObject({
    kind: z.literal('runAttempt'),
    id,
    dispatch: dispatchId,
    attempt: z.int().positive(),
    /** Alone in a child process: its host died while it ran here before (rule 12.3). */
    alone: z.boolean(),
  }),
  /** Tells a running handler that its attempt is over, whatever it does from now on. */
  z.strictObject({
    kind: z.literal('abortAttempt'),
    id,
    dispatch: dispatchId,
    attempt: z.int().positive(),
    reason: z.enum(['timeout', 'cancelled', 'superseded', 'expired', 'parked']),
  }),
  /** Answers a client's letter. */
  z.strictObject({
    kind: z.literal('reply'),
    id,
    to: z.string().max(256),
    letter: z.string(),
    body: z.unknown(),
  }),
  /** Puts the letters that wait for a receiver into its mailbox, in order. */
  z.strictObject({
    kind: z.literal('sendLetters'),
    id,
    to: z.strictObject({
      app: z.string(),
      slot: z.int().nonnegative(),
      lane: z.enum(['ask', 'answer']),
    }),
    upTo: z.int().positive(),
  }),
])
export type Effect = z.infer<typeof effect>
export type EffectKind = Effect['kind']
export type EffectOf<K extends EffectKind> = Extract<Effect, { kind: K }>
