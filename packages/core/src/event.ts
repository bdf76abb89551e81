import { z } from 'zod'
import type { Plain } from './codec.ts'
import { eventId } from './id.ts'

/** Format version of a stored event. Old versions are upcast when they are decoded, never edited. */
export const EVENT_VERSION = 1

/** Where an event stands in a chain of events that handlers caused. Depth 0 came from outside. */
export const chain = z.strictObject({
  root: eventId,
  depth: z.int().nonnegative(),
  /** Binding ids from the root to here, oldest first; capped, the depth is what counts. */
  path: z.array(z.string()).max(32),
  /** The dispatch whose handler sent this event. */
  parent: z.string().optional(),
})
export type Chain = z.infer<typeof chain>

const eventType = z
  .string()
  .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/)
  .max(256)
const line = z.string().max(1024)

const plain = z.custom<Plain>((value) => value !== undefined)

export const signature = z.strictObject({
  state: z.enum(['verified', 'unsigned', 'failed']),
  reason: line.optional(),
})

/**
 * What somebody may send: the parts of an event that a sender knows. Everything else is filled in
 * where the event enters (rule 1.1). Times are integer milliseconds since 1970, UTC.
 */
export const eventDraft = z.strictObject({
  type: eventType,
  source: line,
  data: plain,
  subject: line.optional(),
  time: z.int().nonnegative().optional(),
  /** Same source and key within the dedupe window = the same event. */
  dedupeKey: z.string().min(1).max(1024).optional(),
  /** Events of one partition key are handled in the order they were accepted. */
  partitionKey: z.string().min(1).max(1024).optional(),
  tenant: z.string().min(1).max(64).optional(),
  traceparent: z.string().max(128).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  chain: chain.optional(),
})
export type EventDraft = z.infer<typeof eventDraft>

/** An accepted event, as it is stored: the envelope of rule 1.1. */
export const waybillEvent = z.strictObject({
  v: z.literal(EVENT_VERSION),
  id: eventId,
  type: eventType,
  source: line,
  tenant: z.string().min(1).max(64),
  subject: line.optional(),
  time: z.int().nonnegative(),
  receivedAt: z.int().nonnegative(),
  dedupeKey: z.string().min(1).max(1024),
  partitionKey: z.string().min(1).max(1024).optional(),
  traceparent: z.string().max(128).optional(),
  chain,
  headers: z.record(z.string(), z.string()),
  signature,
  /** First 32 hex digits of the sha-256 of (type, data): tells a duplicate from a divergent one. */
  digest: z.string().length(32),
  data: plain,
})
export type WaybillEvent = z.infer<typeof waybillEvent>

/** What a partition keeps of an event: enough to decide, never the payload. */
export const eventHead = z.strictObject({
  id: eventId,
  type: eventType,
  source: line,
  tenant: z.string(),
  subject: line.optional(),
  time: z.int(),
  digest: z.string(),
  chain,
})
export type EventHead = z.infer<typeof eventHead>

export function headOf(event: WaybillEvent): EventHead {
  const { id, type, source, tenant, subject, time, digest } = event
  return { id, type, source, tenant, subject, time, digest, chain: event.chain }
}
