import { setImmediate } from 'node:timers/promises'
import type { Hash } from '@waybill/core'
import {
  appendUntilKnown,
  sendUntilKnown,
  type Answer,
  type Message,
  type Wire,
} from '../append.ts'
import { LogClosed, LogUnavailable } from '../fault.ts'
import type {
  AppendOptions,
  AppendOutcome,
  EventLog,
  Reader,
  ReadRange,
  Stored,
  StreamInfo,
} from '../log.ts'
import { subjectFilter } from '../subject.ts'
import { streamRouter } from '../topology.ts'
import { createMemoryReader } from './reader.ts'
import type { MemoryServer, MemoryStream } from './server.ts'

/**
 * What goes wrong with one request to the server, as seen on the wire. The log itself then does
 * what it does on a real one: asks again, reads back.
 */
export type MemoryFault =
  | 'lost' // never arrives; times out
  | 'ack-lost' // stored, but nobody hears of it; times out
  | 'late' // times out, and is stored just before the next request
  | 'busy' // refused without a verdict: no leader
  | 'in-flight' // refused as 10164: an append of this subject is under way
  | { readonly kind: 'delayed'; readonly until: Promise<void> }
  /** Another writer's message comes first. */
  | { readonly kind: 'overtaken'; readonly bytes: Uint8Array }

export interface MemoryRequest {
  readonly kind: 'append' | 'send' | 'read'
  /** The subject, or the stream of a read by sequence. */
  readonly subject: string
}

export interface MemoryLogOptions {
  readonly server: MemoryServer
  readonly hash: Hash
  /** Asked before every request; undefined = all is well. */
  readonly fault?: (request: MemoryRequest) => MemoryFault | undefined
  /** Waits before a request is made again; throws when the signal is aborted. Default: no time. */
  readonly pause?: (attempt: number, signal: AbortSignal | undefined) => Promise<void>
}

export const openMemoryLog = (options: MemoryLogOptions): EventLog => new MemoryLog(options)

class MemoryLog implements EventLog {
  readonly hash: Hash
  readonly messageBytesMax: number
  readonly #server: MemoryServer
  readonly #request: Requests
  readonly #pause: Wire['pause']
  readonly #wire: Wire
  readonly #lifetime = new AbortController()

  constructor(options: MemoryLogOptions) {
    const { server, hash, pause = pauseNoTime } = options
    this.hash = hash
    this.messageBytesMax = server.limits.messageBytesMax
    this.#server = server
    this.#request = createRequests(options)
    this.#pause = pause
    const route = streamRouter(server.topology)
    const streamFor = (subject: string): MemoryStream => server.stream(route(subject) ?? subject)
    this.#wire = {
      staleAnswersMax: 0,
      pause,
      session: () => 'memory',
      publish: (message) => publish(server, this.#request, message),
      after: (subject, seq, signal) =>
        this.#read(subject, () => streamFor(subject).first(subject, seq + 1), signal),
      last: (subject, signal) =>
        this.#read(subject, () => streamFor(subject).last(subject), signal),
    }
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

  last(stream: string, subject: string): Promise<Stored | undefined> {
    return this.#read(subject, () => this.#server.stream(stream).last(subject))
  }

  get(stream: string, seq: number): Promise<Stored | undefined> {
    return this.#read(stream, () => this.#server.stream(stream).get(seq))
  }

  async *read(
    { stream, subjects, fromSeq, toSeq = Infinity }: ReadRange & { toSeq?: number },
    signal?: AbortSignal,
  ): AsyncGenerator<Stored, void> {
    const wanted = subjectFilter(subjects)
    const all = (): readonly Stored[] => this.#server.stream(stream).slice(wanted, fromSeq)
    for (const message of await this.#read(stream, all, signal)) {
      if (message.seq > toSeq) return
      if (signal?.aborted) throw new LogUnavailable(stream, { cause: signal.reason })
      yield message
    }
  }

  follow(range: ReadRange, signal: AbortSignal): Reader {
    this.#open()
    const both = AbortSignal.any([signal, this.#lifetime.signal])
    return createMemoryReader(this.#server, range, both)
  }

  info(stream: string): Promise<StreamInfo> {
    return this.#read(stream, () => this.#server.stream(stream).info())
  }

  purge(stream: string, subject: string, belowSeq: number): Promise<{ purged: number }> {
    return this.#read(subject, () => {
      const source = this.#server.stream(stream)
      const lastSeq = source.last(subject)?.seq ?? 0
      return { purged: source.purge(subject, Math.min(belowSeq, lastSeq)) }
    })
  }

  async subjects(stream: string, filter: string): Promise<ReadonlyMap<string, number>> {
    const wanted = subjectFilter([filter])
    const all = await this.#read(stream, () => this.#server.stream(stream).subjects())
    return new Map([...all].filter(([subject]) => wanted(subject)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort()
  }

  #open(): void {
    if (this.#lifetime.signal.aborted) throw new LogClosed('this log')
  }

  /** Reads have no outcome to doubt: they are asked again until they are answered. */
  async #read<T>(subject: string, answer: () => T, signal?: AbortSignal): Promise<T> {
    this.#open()
    for (let attempt = 0; ; attempt++) {
      if ((await this.#request({ kind: 'read', subject })) === undefined) return answer()
      await this.#pause(attempt, signal).catch((cause: unknown) => {
        throw new LogUnavailable(subject, { cause })
      })
    }
  }
}

type Requests = (request: MemoryRequest, late?: () => void) => Promise<MemoryFault | undefined>

/** Decides the fate of each request, and lets those that were late arrive. */
function createRequests({ fault }: MemoryLogOptions): Requests {
  let arriving: (() => void)[] = []
  return async (request, late) => {
    const arrived = arriving
    arriving = []
    for (const arrive of arrived) arrive()
    const found = fault?.(request)
    if (found === 'late' && late) arriving.push(late)
    if (typeof found === 'object' && found.kind === 'delayed') {
      await found.until
      return undefined
    }
    // Reads change nothing, so whatever else goes wrong with one means that it is asked again.
    return found
  }
}

async function publish(server: MemoryServer, request: Requests, message: Message): Promise<Answer> {
  const { subject, expected } = message
  const kind = expected === undefined ? 'send' : 'append'
  const fault = await request({ kind, subject }, () => server.store(message))
  if (fault === undefined) return server.store(message)
  if (typeof fault === 'object') {
    if (fault.kind === 'overtaken')
      server.store({ subject, bytes: fault.bytes, expected: undefined })
    return server.store(message)
  }
  switch (fault) {
    case 'ack-lost': {
      const answer = server.store(message)
      // What is refused is refused: only news of something stored can be lost on the way.
      return answer.kind === 'stored' ? { kind: 'unknown', cause: fault } : answer
    }
    case 'lost':
    case 'late':
      return { kind: 'unknown', cause: fault }
    case 'busy':
    case 'in-flight':
      return { kind: 'busy', cause: fault }
    default:
      return fault satisfies never
  }
}

/** Lets the event loop turn, so that a fault that never ends can still be stopped. */
async function pauseNoTime(_attempt: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  await setImmediate()
}
