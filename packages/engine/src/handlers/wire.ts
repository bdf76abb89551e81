import { attemptError } from '@waybill/core'
import { z } from 'zod'

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array)

/** What the parent says. Values travel in the canonical encoding. */
export const toChild = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('run'),
    id: z.int(),
    binding: bytes,
    event: bytes,
    batch: z.array(bytes).optional(),
    dispatch: z.string(),
    idempotencyKey: z.string(),
    attempt: z.int(),
    standsFor: z.int(),
    fencingToken: z.string(),
    deadline: z.int(),
  }),
  z.strictObject({ kind: z.literal('abort'), id: z.int(), reason: z.string() }),
  z.strictObject({
    kind: z.literal('sent'),
    id: z.int(),
    ordinal: z.int(),
    event: z.string().optional(),
    error: z.string().optional(),
  }),
])
export type ToChild = z.infer<typeof toChild>

/** What the child says. It runs code of the app, so nothing in here is believed unread. */
export const fromChild = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ready') }),
  /** The app could not be loaded. */
  z.strictObject({ kind: z.literal('broken'), error: attemptError }),
  z.strictObject({ kind: z.literal('succeeded'), id: z.int(), output: bytes.optional() }),
  z.strictObject({ kind: z.literal('failed'), id: z.int(), error: attemptError }),
  z.strictObject({ kind: z.literal('send'), id: z.int(), ordinal: z.int(), draft: bytes }),
])
export type FromChild = z.infer<typeof fromChild>
