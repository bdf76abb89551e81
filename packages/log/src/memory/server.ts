import { LogFull, LogRefused } from '../fault.ts'
import type { Answer, Message } from '../append.ts'
import type { Stored, StreamInfo, Topology } from '../log.ts'
import { streamPlans, streamRouter } from '../topology.ts'

/**
 * The streams of one JetStream in memory: what several logs, leases and snapshot stores of a test
 * share as hosts share a server. Everything happens at once, in the order of the calls; time is
 * given. Nothing is copied: bytes that were stored must not be changed.
 */
export interface MemoryServer {
  readonly topology: Topology
  readonly limits: MemoryLimits
  now(): number
  store(message: Message): Answer
  stream(name: string): MemoryStream
  /** Called with every message stored, until the function returned is called. */
  onStored(listener: (message: Stored) => void): () => void
}

interface MemoryLimits {
  /** One message; default 4 MiB. */
  readonly messageBytesMax: number
  /** Payload bytes of one stream; default none. */
  readonly streamBytesMax: number
}

export interface MemoryStream {
  readonly name: string
  info(): StreamInfo
  get(seq: number): Stored | undefined
  /** The first message at or after a sequence. */
  first(subject: string, fromSeq: number): Stored | undefined
  last(subject: string): Stored | undefined
  /** Messages from a sequence on whose subject is wanted. */
  slice(wanted: (subject: string) => boolean, fromSeq: number): readonly Stored[]
  purge(subject: string, belowSeq: number): number
  subjects(): ReadonlyMap<string, number>
}

export interface MemoryServerOptions {
  readonly topology: Topology
  /** Epoch ms. */
  readonly now: () => number
  readonly limits?: Partial<MemoryLimits>
}

export function createMemoryServer({ topology, now, limits }: MemoryServerOptions): MemoryServer {
  const bounds = { messageBytesMax: 4 * 1024 * 1024, streamBytesMax: Infinity, ...limits }
  const route = streamRouter(topology)
  const created = now()
  const streams = new Map(
    streamPlans(topology).map(({ name }) => [name, createStore(name, created)]),
  )
  const listeners = new Set<(message: Stored) => void>()

  const open = (name: string): Store => {
    const found = streams.get(name)
    if (found) return found
    throw new LogRefused(name, 'there is no such stream')
  }

  function store({ subject, bytes, expected }: Message): Answer {
    const name = route(subject)
    const refused = (cause: Error): Answer => ({ kind: 'refused', cause })
    if (name === undefined) return refused(new LogRefused(subject, 'no stream takes this subject'))
    if (bytes.length > bounds.messageBytesMax) {
      return refused(new LogRefused(subject, 'larger than a message may be'))
    }
    const stream = open(name)
    if (expected !== undefined && (stream.last(subject)?.seq ?? 0) !== expected) {
      return { kind: 'moved' }
    }
    const { bytes: held } = stream.info()
    if (held + bytes.length > bounds.streamBytesMax) return refused(new LogFull(subject, 10077))
    const message = stream.add(subject, bytes, now())
    for (const listener of listeners) listener(message)
    return { kind: 'stored', seq: message.seq }
  }

  return {
    topology,
    limits: bounds,
    now,
    store,
    stream: open,
    onStored(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

interface Store extends MemoryStream {
  add(subject: string, bytes: Uint8Array, at: number): Stored
}

function createStore(name: string, createdMs: number): Store {
  let messages: Stored[] = []
  let lastSeq = 0
  let bytes = 0
  const bySubject = new Map<string, Stored[]>()

  function add(subject: string, payload: Uint8Array, at: number): Stored {
    const message: Stored = { stream: name, subject, seq: ++lastSeq, at, bytes: payload }
    messages.push(message)
    bytes += payload.length
    const same = bySubject.get(subject)
    if (same) same.push(message)
    else bySubject.set(subject, [message])
    return message
  }

  function purge(subject: string, belowSeq: number): number {
    const same = bySubject.get(subject) ?? []
    const kept = same.slice(atOrAfter(same, belowSeq))
    const purged = same.length - kept.length
    if (purged === 0) return 0
    if (kept.length === 0) bySubject.delete(subject)
    else bySubject.set(subject, kept)
    messages = messages.filter((message) => message.subject !== subject || message.seq >= belowSeq)
    bytes = messages.reduce((sum, message) => sum + message.bytes.length, 0)
    return purged
  }

  return {
    name,
    add,
    purge,
    info: () => ({
      name,
      createdAt: new Date(createdMs).toISOString(),
      firstSeq: messages[0]?.seq ?? (lastSeq === 0 ? 0 : lastSeq + 1),
      lastSeq,
      messages: messages.length,
      bytes,
    }),
    get(seq) {
      const found = messages[atOrAfter(messages, seq)]
      return found?.seq === seq ? found : undefined
    },
    first(subject, fromSeq) {
      const same = bySubject.get(subject) ?? []
      return same[atOrAfter(same, fromSeq)]
    },
    last: (subject) => bySubject.get(subject)?.at(-1),
    slice: (wanted, fromSeq) =>
      messages.slice(atOrAfter(messages, fromSeq)).filter((message) => wanted(message.subject)),
    subjects: () => new Map([...bySubject].map(([subject, same]) => [subject, same.length])),
  }
}

/** Index of the first message at or after a sequence; the length when there is none. */
function atOrAfter(sorted: readonly Stored[], seq: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle]?.seq ?? Infinity) < seq) low = middle + 1
    else high = middle
  }
  return low
}
