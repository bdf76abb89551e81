import {
  acceptEvent,
  encode,
  eventDraft,
  type Chain,
  type EventDraft,
  type Hash,
} from '@waybill/core'
import { subjects, type Topology } from '@waybill/log'
import type { Attempt } from './attempt.ts'
import type { Clock } from './clock.ts'

/** Stores one item of a batch; resolves when the log has it. */
export type StoreItem = (subject: string, item: Uint8Array) => Promise<unknown>

export interface OutboundPorts {
  readonly hash: Hash
  readonly topology: Topology
  readonly clock: Clock
  readonly store: StoreItem
}

/** One attempt may not send more; the ids of what it sent stand in its result. */
const sendsMax = 1000
const pathMax = 32

/**
 * Events that handlers send. They carry the chain on, stay with their tenant, and unless the
 * handler names a key they are known by (dispatch, ordinal): an attempt that is run again sends
 * the same events, not new ones.
 */
export function createOutbound({ hash, topology, clock, store }: OutboundPorts) {
  const { generation, slots } = topology
  const subjectOf = subjects(topology).events

  return async (attempt: Attempt, given: EventDraft, ordinal: number): Promise<string> => {
    if (ordinal >= sendsMax) throw new RangeError(`an attempt sends at most ${sendsMax} events`)
    const { dispatch, sendsAs, event: cause, binding } = attempt.facts
    const draft = eventDraft.parse(given)
    const { event, slot } = acceptEvent(
      {
        ...draft,
        tenant: cause.tenant,
        dedupeKey: draft.dedupeKey ?? `${sendsAs}:${ordinal}`,
        traceparent: draft.traceparent ?? cause.traceparent,
        chain: carriedOn(cause.chain, binding, dispatch),
      },
      { hash, generation, slots, now: clock.now() },
    )
    await store(subjectOf(slot), encode(event))
    return event.id
  }
}

function carriedOn(chain: Chain, binding: string, parent: string): Chain {
  const path = [...chain.path, binding].slice(-pathMax)
  return { root: chain.root, depth: chain.depth + 1, path, parent }
}
