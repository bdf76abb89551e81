import { z } from 'zod'
import { dispatchState } from './dispatch/record.ts'
import { attemptError } from './fault.ts'
import { dispatchId, token } from './id.ts'

export const LIVE_VERSION = 1

const count = z.int().nonnegative()

/** One transition, as short as a line about it can be. */
const liveTransition = z.object({
  dispatch: dispatchId,
  index: count,
  /** Null: it began. */
  from: dispatchState.nullable(),
  to: dispatchState,
  at: count,
  /** What happened: `attempt.failed`, or `quarantined`. */
  event: z.string(),
  type: z.string(),
  binding: z.string(),
  attempt: count,
  errorClass: attemptError.shape.class.optional(),
  /** What holds it, or ended it, where nobody would guess. */
  why: z.string().optional(),
})
export type LiveTransition = z.infer<typeof liveTransition>

/**
 * What `wb.live.<app>.<slot>` carries, once per bundle and after its rows are readable. It is not
 * stored: whoever sees a gap in `number` asks the api for what it missed.
 */
export const liveBundle = z.object({
  v: z.literal(LIVE_VERSION),
  app: token,
  generation: z.int().positive(),
  slot: count,
  /** Of the bundle in the journal's stream, and its number in its partition. */
  seq: z.int().positive(),
  number: z.int().positive(),
  epoch: z.int().positive(),
  /** Server time of the bundle. */
  at: count,
  entries: count,
  transitions: z.array(liveTransition),
  /** Transitions left out because the message would have been too large. */
  more: count,
})
export type LiveBundle = z.infer<typeof liveBundle>
