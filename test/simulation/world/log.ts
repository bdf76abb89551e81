import type { Hash } from '@waybill/core'
import {
  appendUntilKnown,
  LogClosed,
  LogUnavailable,
  sendUntilKnown,
  sha256,
  streamNames,
  type AppendOptions,
  type AppendOutcome,
  type EventLog,
  type Message,
  type Reader,
  type ReadRange,
  type Stored,
  type StreamInfo,
  type Wire,
} from '@waybill/log'
import type { Network } from './network.ts'
import { SimulatedReader } from './reader.ts'
import type { Server, View } from './server.ts'

/** JetStream asks for about 12 s before it believes an answer that contradicts what was seen. */
const staleAnswersMax = 16
const patienceMs = 15_000

/**
 * The log as a process gets at it over a network. What an append does until its outcome is known
 * is production's; only the wire is simulated.
 */
export class SimulatedLog implements EventLog {
  readonly hash: Hash = sha256
  readonly messageBytesMax: number
  readonly #server: Server
  readonly #network: Network
  readonly #wire: Wire
  readonly #closed = new AbortController()

  constructor(server: Server, network: Network) {
    this.#server = server
    this.#network = network
    this.messageBytesMax = server.memory.limits.messageBytesMax
    const streamOf = streamRouter(server)
    this.#wire = {
      staleAnswersMax,
      publish: (message) => this.#publish(message),
      after: (subject, seq, signal) =>
        this.#read(subject, (view) => view.first(streamOf(subject), subject, seq + 1), signal),
      last: (subject, signal) =>
        this.#read(subject, (view) => view.last(streamOf(subject), subject), signal),
      session: () => String(server.session),
      pause: (attempt, signal) => network.pause(attempt, signal),
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

  async last(stream: string, subject: string): Promise<Stored | undefined> {
    this.#open()
    return this.#read(subject, (view) => view.last(stream, subject))
  }

  async get(stream: string, seq: number): Promise<Stored | undefined> {
    this.#open()
    return this.#read(stream, (view) => view.get(stream, seq))
  }

  async *read(
    { stream, subjects, fromSeq, toSeq = Infinity }: ReadRange & { toSeq?: number },
    signal?: AbortSignal,
  ): AsyncGenerator<Stored, void> {
    const wanted = subjectFilter(subjects)
    const found = await this.#read(stream, (view) => view.slice(stream, wanted, fromSeq), signal)
    for (const message of found) {
      if (message.seq > toSeq) return
      if (signal?.aborted) throw new LogUnavailable(stream, { cause: signal.reason })
      yield message
    }
  }

  follow(range: ReadRange, signal: AbortSignal): Reader {
    this.#open()
    const both = AbortSignal.any([signal, this.#closed.signal])
    return new SimulatedReader(
      this.#server,
      this.#network,
      range,
      subjectFilter(range.subjects),
      both,
    )
  }

  async info(stream: string): Promise<StreamInfo> {
    this.#open()
    const info = (): StreamInfo => this.#server.memory.stream(stream).info()
    return this.#read(stream, (view) => ({ ...info(), lastSeq: view.lastSeq(stream) }))
  }

  purge(stream: string, subject: string, belowSeq: number): Promise<{ purged: number }> {
    return this.#network.ask('log', subject, () => {
      const source = this.#server.memory.stream(stream)
      const lastSeq = source.last(subject)?.seq ?? 0
      return { purged: source.purge(subject, Math.min(belowSeq, lastSeq)) }
    })
  }

  subjects(stream: string, filter: string): Promise<ReadonlyMap<string, number>> {
    const wanted = subjectFilter([filter])
    return this.#network.ask('log', stream, () => {
      const all = this.#server.memory.stream(stream).subjects()
      return new Map([...all].filter(([subject]) => wanted(subject)))
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort()
  }

  #open(): void {
    if (this.#closed.signal.aborted) throw new LogClosed('this log')
  }

  async #publish(message: Message): ReturnType<Wire['publish']> {
    const server = this.#server
    const { cuts } = server
    // What was on its way to a server that lost its power arrives nowhere.
    const reply = await this.#network.request('log', () =>
      server.cuts === cuts ? server.store(message) : ({ kind: 'unknown', cause: 'power' } as const),
    )
    if (reply.kind === 'answer') return reply.value
    return { kind: reply.kind === 'busy' ? 'busy' : 'unknown', cause: reply.kind }
  }

  #read<T>(what: string, answer: (view: View) => T, signal?: AbortSignal): Promise<Awaited<T>> {
    const network = this.#network
    const read = (): T => answer(this.#server.view(network.readsAsOf()))
    return network.ask('log', what, read, { signal, ...(signal ? {} : { patienceMs }) })
  }
}

function streamRouter({ topology }: Server): (subject: string) => string {
  const { events, mail, journal, defs } = streamNames(topology)
  const kinds = new Map([
    ['event', events],
    ['mail', mail],
    ['journal', journal],
    ['def', defs],
  ])
  return (subject) => kinds.get(subject.split('.')[1] ?? '') ?? subject
}

/** Exact subjects, or prefixes with a trailing `>`; none = all. */
function subjectFilter(filters: readonly string[]): (subject: string) => boolean {
  if (filters.length === 0 || filters.includes('>')) return () => true
  return (subject) =>
    filters.some((filter) =>
      filter.endsWith('.>') ? subject.startsWith(filter.slice(0, -1)) : subject === filter,
    )
}
