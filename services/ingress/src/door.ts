import { issuesOf } from '@waybill/api'
import {
  acceptEvent,
  CodecError,
  encode,
  type EventDraft,
  eventDraft,
  type Hash,
  type HostedEventType,
  type WaybillEvent,
} from '@waybill/core'
import { LogBusy, LogFault, LogFull, type Sender, subjects, type Topology } from '@waybill/log'
import { createRecentEvents } from './recent.ts'
import { type Refusal, refuse } from './refusal.ts'

/** What the way in adds to what the sender said. */
export interface Origin {
  /** For metrics: `webhook`, `cloudevents`, `nats`. */
  readonly via: string
  readonly signature?: WaybillEvent['signature']
  readonly tenant?: string | undefined
}

/** Valid, complete and small enough: only the log can still say no. */
export interface Prepared {
  readonly event: WaybillEvent
  readonly subject: string
  readonly bytes: Uint8Array
  readonly via: string
}

export interface Stored {
  readonly id: string
  readonly duplicate: boolean
  /** Stream sequence. */
  readonly seq: number
}

/**
 * The one way into the log, whatever the event came by. Nothing is answered as stored before the
 * log acknowledged it (rule 1.3).
 */
export interface Door {
  prepare(draft: EventDraft, origin: Origin): Prepared | Refusal
  store(prepared: Prepared): Promise<Stored | Refusal>
  /** When something was last acknowledged, and refused or unanswered, epoch ms; 0 = never. */
  readonly last: { readonly storedAt: number; readonly failedAt: number; readonly why: string }
}

export interface DoorOptions {
  readonly sender: Pick<Sender, 'send'>
  readonly topology: Topology
  readonly hash: Hash
  readonly now: () => number
  /** Types that the apps registered. An event must suit every app that knows its type. */
  readonly types?: readonly HostedEventType[]
  /** One stored event, encoded. */
  readonly eventBytesMax?: number
  /** Longer without an acknowledgement is answered as unavailable; it may be stored still. */
  readonly ackWithinMs?: number
  readonly onStored?: (how: { via: string; outcome: string; ms: number }) => void
}

export function createDoor(options: DoorOptions): Door {
  const { sender, now, ackWithinMs = 5000 } = options
  const recent = createRecentEvents()
  const last = { storedAt: 0, failedAt: 0, why: '' }
  const report = options.onStored ?? (() => undefined)

  /** Only this tells whether the log takes events: a duplicate that is known says nothing. */
  async function send(subject: string, bytes: Uint8Array): Promise<number> {
    const { seq } = await sender.send(subject, bytes)
    last.storedAt = now()
    return seq
  }

  /** A divergent event goes to the log too: its partition records it (rule 1.4). */
  async function store({ event, subject, bytes, via }: Prepared): Promise<Stored | Refusal> {
    const at = now()
    const known = recent.find(event.id, at)
    const stored = known?.digest === event.digest ? known.stored : send(subject, bytes)
    if (known === undefined) recent.add(event.id, { digest: event.digest, at, stored })
    const duplicate = known !== undefined
    try {
      const seq = await within(stored, ackWithinMs)
      report({ via, outcome: duplicate ? 'duplicate' : 'stored', ms: now() - at })
      return { id: event.id, duplicate, seq }
    } catch (cause) {
      const refusal = unavailable(cause, ackWithinMs)
      last.failedAt = now()
      last.why = refusal.reason
      report({ via, outcome: 'unavailable', ms: last.failedAt - at })
      return refusal
    }
  }

  return { prepare: createPreparation(options), store, last }
}

function createPreparation({ topology, hash, now, types = [], ...options }: DoorOptions) {
  const { generation, slots } = topology
  const names = subjects(topology)
  const bytesMax = options.eventBytesMax ?? 256 * 1024
  const checks = Map.groupBy(types, ({ type }) => type)

  return (given: EventDraft, { via, signature, tenant }: Origin): Prepared | Refusal => {
    const draft = eventDraft.safeParse(given)
    if (!draft.success) return refuse('unprocessable', issuesOf(draft.error))
    const { type, data } = draft.data
    const wrong = checks
      .get(type)
      ?.map((known) => known.check(data))
      .find((it) => it !== undefined)
    if (wrong !== undefined) return refuse('unprocessable', `${type}: ${wrong}`)
    try {
      const { event, slot } = acceptEvent(draft.data, {
        hash,
        generation,
        slots,
        now: now(),
        ...(tenant === undefined ? {} : { tenant }),
        ...(signature === undefined ? {} : { signature }),
      })
      return { event, via, subject: names.events(slot), bytes: encode(event, { bytesMax }) }
    } catch (cause) {
      if (!(cause instanceof CodecError)) throw cause
      const isSize = cause.code === 'codec.size' || cause.code === 'codec.count'
      if (!isSize) return refuse('malformed', `cannot be stored: ${cause.message}`)
      const why = `an event may have ${bytesMax} bytes and 100,000 values`
      return refuse('too_large', `${why}: ${cause.message}`)
    }
  }
}

class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new NoAnswer()), ms)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** A full stream needs a person; the rest may heal by itself. */
function unavailable(cause: unknown, ackWithinMs: number): Refusal {
  if (cause instanceof NoAnswer)
    return later(`the log did not answer within ${ackWithinMs} ms`, 5000)
  if (!(cause instanceof LogFault)) throw cause
  if (cause instanceof LogBusy) return later('too much is waiting to be stored', 1000)
  if (cause instanceof LogFull) return later('the log is full', 30_000)
  return later('the log cannot be reached', 5000)
}

const later = (reason: string, retryAfterMs: number): Refusal => ({
  ...refuse('unavailable', reason),
  retryAfterMs,
})
