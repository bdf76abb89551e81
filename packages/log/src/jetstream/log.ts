import type { NatsConnection } from '@nats-io/nats-core'
import type { Hash } from '@waybill/core'
import { appendUntilKnown, sendUntilKnown, type Wire } from '../append.ts'
import { LogClosed } from '../fault.ts'
import type {
  AppendOptions,
  AppendOutcome,
  EventLog,
  Reader,
  ReadRange,
  Stored,
  StreamInfo,
  Topology,
} from '../log.ts'
import { streamRouter } from '../topology.ts'
import { infoOf, messageOf, purge, subjectsOf } from './api.ts'
import { jetStreamLimits, type JetStreamLimits } from './limits.ts'
import { Link } from './link.ts'
import { readRange } from './read.ts'
import { JetStreamReader } from './reader.ts'
import { checkSlots } from './topology.ts'
import { createWire } from './wire.ts'

export interface JetStreamLogOptions {
  /**
   * With `maxReconnectAttempts: -1`, and a `reconnectTimeWait` well under a second: a reader goes on
   * as soon as there is a connection again. It stays open when the log is closed.
   */
  readonly nc: NatsConnection
  readonly topology: Topology
  readonly hash: Hash
  readonly limits?: Partial<JetStreamLimits>
}

/** Throws `TopologyMismatch` unless the streams are there and have this number of slots. */
export async function openJetStreamLog(options: JetStreamLogOptions): Promise<EventLog> {
  const limits = { ...jetStreamLimits, ...options.limits }
  const link = new Link(options.nc)
  try {
    await checkSlots(link, limits, options.topology)
    return new JetStreamLog(link, limits, options)
  } catch (cause) {
    link.close()
    throw cause
  }
}

/** Room for headers and for what else a server counts as part of a message. */
const spareBytes = 64 * 1024
/** Larger ones would hold up everything behind them on the connection. */
const messageBytesMax = 4 * 1024 * 1024

class JetStreamLog implements EventLog {
  readonly hash: Hash
  readonly messageBytesMax: number
  readonly #link: Link
  readonly #limits: JetStreamLimits
  readonly #topology: Topology
  readonly #wire: Wire
  readonly #lifetime = new AbortController()

  constructor(link: Link, limits: JetStreamLimits, { topology, hash }: JetStreamLogOptions) {
    this.hash = hash
    this.messageBytesMax = Math.min(messageBytesMax, link.payloadBytesMax - spareBytes)
    this.#link = link
    this.#limits = limits
    this.#topology = topology
    this.#wire = createWire(link, limits, streamRouter(topology), topology.replicas)
  }

  async send(subject: string, bytes: Uint8Array, signal?: AbortSignal): Promise<{ seq: number }> {
    this.#open()
    return sendUntilKnown(this.#wire, { subject, bytes, expected: undefined }, signal)
  }

  async append(
    subject: string,
    bytes: Uint8Array,
    expected: number,
    options: AppendOptions = {},
  ): Promise<AppendOutcome> {
    this.#open()
    return appendUntilKnown(this.#wire, { subject, bytes, expected }, options)
  }

  session(): string {
    return this.#wire.session()
  }

  async last(stream: string, subject: string): Promise<Stored | undefined> {
    this.#open()
    return messageOf(this.#link, this.#limits, stream, { last_by_subj: subject })
  }

  async get(stream: string, seq: number): Promise<Stored | undefined> {
    this.#open()
    // The server takes 0 for a request without a sequence.
    return seq < 1 ? undefined : messageOf(this.#link, this.#limits, stream, { seq })
  }

  read(range: ReadRange & { toSeq?: number }, signal?: AbortSignal): AsyncIterable<Stored> {
    this.#open()
    const until = signal ? AbortSignal.any([signal, this.#lifetime.signal]) : this.#lifetime.signal
    return readRange(this.#link, this.#limits, range, until)
  }

  follow(range: ReadRange, signal: AbortSignal): Reader {
    this.#open()
    const { replicas } = this.#topology
    const until = AbortSignal.any([signal, this.#lifetime.signal])
    const options = { ...range, holes: 'checked', replicas } as const
    return new JetStreamReader(this.#link, this.#limits, options, until)
  }

  async info(stream: string): Promise<StreamInfo> {
    this.#open()
    return infoOf(this.#link, this.#limits, stream)
  }

  async purge(stream: string, subject: string, belowSeq: number): Promise<{ purged: number }> {
    const lastSeq = (await this.last(stream, subject))?.seq ?? 0
    const below = Math.min(belowSeq, lastSeq)
    // The server takes 0 for "all of it".
    if (below <= 1) return { purged: 0 }
    return purge(this.#link, this.#limits, stream, subject, below)
  }

  async subjects(stream: string, filter: string): Promise<ReadonlyMap<string, number>> {
    this.#open()
    return subjectsOf(this.#link, this.#limits, stream, filter)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort(new LogClosed('this log'))
    this.#link.close()
  }

  #open(): void {
    if (this.#lifetime.signal.aborted) throw new LogClosed('this log')
  }
}
