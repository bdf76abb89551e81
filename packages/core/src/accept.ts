import { encode } from './codec.ts'
import { EVENT_VERSION, type EventDraft, type WaybillEvent } from './event.ts'
import { eventIdOf, type Hash } from './id.ts'

export interface Acceptance {
  readonly hash: Hash
  readonly generation: number
  readonly slots: number
  /** Epoch ms, the door's clock. */
  readonly now: number
  readonly tenant?: string
  readonly signature?: WaybillEvent['signature']
}

/**
 * Makes an event of a draft: id, slot, digest, chain. Its id depends only on tenant, source and
 * dedupe key (or, without a key, on the content), so sending the same thing twice is one event.
 */
export function acceptEvent(
  draft: EventDraft,
  door: Acceptance,
): { event: WaybillEvent; slot: number } {
  const { hash, generation, slots, now } = door
  const tenant = draft.tenant ?? door.tenant ?? 'default'
  const digest = hash.bytes(encode([draft.type, draft.data])).slice(0, 32)
  const dedupeKey = draft.dedupeKey ?? `content:${digest}`
  const { source, type, subject, partitionKey, traceparent, data } = draft
  const { id, slot } = eventIdOf({
    hash,
    generation,
    slots,
    tenant,
    source,
    dedupeKey,
    ...(partitionKey === undefined ? {} : { partitionKey }),
  })
  const event: WaybillEvent = {
    v: EVENT_VERSION,
    id,
    type,
    source,
    tenant,
    subject,
    time: draft.time ?? now,
    receivedAt: now,
    dedupeKey,
    partitionKey,
    traceparent,
    chain: draft.chain ?? { root: id, depth: 0, path: [] },
    headers: draft.headers ?? {},
    signature: door.signature ?? { state: 'unsigned' },
    digest,
    data,
  }
  return { event, slot }
}
