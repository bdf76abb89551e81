import { z } from 'zod'
import { dispatchId, token } from '../id.ts'

/** What a dispatch asks a ledger with. Asking twice with the same one is asking once. */
export const ticket = z.strictObject({
  dispatch: dispatchId,
  /** A dispatch that gave its permits back while it waited is admitted again (rule 7.7). */
  admission: z.int().positive(),
  /** Of the limit in the dispatch's own manifest. */
  index: z.int().nonnegative(),
  /** Where the dispatch lives. */
  app: token,
  slot: z.int().nonnegative(),
  tenant: z.string(),
  /** 0 critical to 3 low. */
  rank: z.int().min(0).max(3),
  /** Place of the event in its stream, `[sequence, index]`: what newest and first mean. */
  order: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
  bytes: z.int().nonnegative().optional(),
})
export type Ticket = z.infer<typeof ticket>

export const ticketKey = z.string().max(192)

export const keyOf = ({ dispatch, admission }: Pick<Ticket, 'dispatch' | 'admission'>): string =>
  `${dispatch}#${admission}`

/**
 * Of events; those of one place (a rerun, another binding) by their dispatches' ids, those of one
 * dispatch by its admissions: what it gave back may still be on its way.
 */
export function isNewer(a: Ticket, b: Ticket): boolean {
  const [seq, index] = a.order
  const [otherSeq, otherIndex] = b.order
  if (seq !== otherSeq) return seq > otherSeq
  if (index !== otherIndex) return index > otherIndex
  return a.dispatch === b.dispatch ? a.admission > b.admission : a.dispatch > b.dispatch
}

/** What a gate answers, with the numbers that made it say so (promise 3). */
export const numbers = z.record(z.string().max(32), z.number())
export type Numbers = Readonly<Record<string, number>>

/** Why a gate turns a dispatch away; the first word of what `skipped` shows. */
export const refusal = z.enum([
  'batch_merged',
  'debounced',
  'rate_limited',
  'singleton_active',
  'key_busy',
  'superseded',
  'circuit_open',
  /** Given back before it asked. */
  'withdrawn',
  /** Its letter could not be taken. */
  'quarantined',
])
export type Refusal = z.infer<typeof refusal>

export const answer = z.discriminatedUnion('result', [
  z.strictObject({ result: z.literal('granted'), numbers }),
  z.strictObject({ result: z.literal('waiting'), numbers }),
  z.strictObject({
    result: z.literal('refused'),
    reason: refusal,
    numbers,
    /** The dispatch in whose favour. */
    by: dispatchId.optional(),
  }),
  /** It is to ask again, not before `until`, epoch ms. */
  z.strictObject({ result: z.literal('deferred'), until: z.int().nonnegative(), numbers }),
])
export type Answer = z.infer<typeof answer>
