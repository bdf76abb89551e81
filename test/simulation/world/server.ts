import {
  createMemoryServer,
  LogFull,
  streamNames,
  type MemoryServer,
  type Stored,
  type Topology,
} from '@waybill/log'
import type { Schedule } from './schedule.ts'

/** What one read of a stream sees. */
export interface View {
  last(stream: string, subject: string): Stored | undefined
  /** The first message of a subject at or after a sequence. */
  first(stream: string, subject: string, fromSeq: number): Stored | undefined
  get(stream: string, seq: number): Stored | undefined
  slice(stream: string, wanted: (subject: string) => boolean, fromSeq: number): readonly Stored[]
  lastSeq(stream: string): number
}

/**
 * The JetStream of a run: the memory adapter's own server, which can also be full, lose its tail at
 * a restart and, as a cluster's old leader does, tell of the past.
 */
export class Server {
  readonly topology: Topology
  readonly #schedule: Schedule
  readonly #listeners = new Set<(message: Stored) => void>()
  readonly #restarts = new Set<() => void>()
  readonly #createdMs: number
  memory: MemoryServer
  full = false
  /** Counts its starts: a connection ends with the process that it was made to. */
  session = 0
  cuts = 0
  /** When the message that is put back was stored. */
  #restoring: number | undefined
  /** Messages that were acknowledged and are gone, by stream. */
  readonly lost: Stored[] = []

  constructor(topology: Topology, schedule: Schedule) {
    this.topology = topology
    this.#schedule = schedule
    this.#createdMs = Math.floor(schedule.now)
    this.memory = this.#empty()
  }

  store(message: Parameters<MemoryServer['store']>[0]): ReturnType<MemoryServer['store']> {
    if (this.full) return { kind: 'refused', cause: new LogFull(message.subject, 10077) }
    return this.memory.store(message)
  }

  onStored(listener: (message: Stored) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Consumers are gone after a restart; readers begin again where they were. */
  onRestart(listener: () => void): () => void {
    this.#restarts.add(listener)
    return () => this.#restarts.delete(listener)
  }

  restart(): void {
    this.session += 1
    for (const listener of this.#restarts) listener()
  }

  /** A power cut: the last messages of a stream were never written, and their places are free. */
  cutTail(stream: string, count: number): void {
    this.cuts += 1
    const kept = new Map<string, readonly Stored[]>()
    for (const name of this.#streams) kept.set(name, this.memory.stream(name).slice(any, 1))
    const tail = (kept.get(stream) ?? []).slice(-count)
    this.lost.push(...tail)
    this.memory = this.#empty()
    const gone = new Set(tail)
    for (const messages of kept.values()) {
      for (const message of messages) if (!gone.has(message)) this.#put(message)
    }
    this.restart()
  }

  /** `before`: only what was stored by then. */
  view(before = Infinity): View {
    const of = (name: string) => this.memory.stream(name)
    const known = (message: Stored | undefined): Stored | undefined =>
      message && message.at <= before ? message : undefined
    const past = (messages: readonly Stored[]): readonly Stored[] =>
      before === Infinity ? messages : messages.filter(({ at }) => at <= before)
    return {
      last: (stream, subject) =>
        known(of(stream).last(subject)) ??
        past(of(stream).slice((one) => one === subject, 1)).at(-1),
      first: (stream, subject, fromSeq) => known(of(stream).first(subject, fromSeq)),
      get: (stream, seq) => known(of(stream).get(seq)),
      slice: (stream, wanted, fromSeq) => past(of(stream).slice(wanted, fromSeq)),
      lastSeq: (stream) =>
        before === Infinity
          ? of(stream).info().lastSeq
          : (past(of(stream).slice(any, 1)).at(-1)?.seq ?? 0),
    }
  }

  get #streams(): readonly string[] {
    const { events, mail, journal, defs } = streamNames(this.topology)
    return [events, mail, journal, defs]
  }

  #put({ subject, bytes, at }: Stored): void {
    this.#restoring = at
    this.memory.store({ subject, bytes, expected: undefined })
    this.#restoring = undefined
  }

  #empty(): MemoryServer {
    let begun = false
    const memory = createMemoryServer({
      topology: this.topology,
      now: () => {
        if (begun) return this.#restoring ?? Math.floor(this.#schedule.now)
        begun = true
        return this.#createdMs
      },
    })
    memory.onStored((message) => {
      if (this.#restoring !== undefined) return
      for (const listener of this.#listeners) listener(message)
    })
    return memory
  }
}

const any = (): boolean => true
