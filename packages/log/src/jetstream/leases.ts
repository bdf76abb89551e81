import type { NatsConnection } from '@nats-io/nats-core'
import { appendUntilKnown, type Wire } from '../append.ts'
import { leaseKey } from '../lease-key.ts'
import type { LeaseChange, LeaseStore, LeaseValue, Topology } from '../log.ts'
import { streamNames } from '../topology.ts'
import { infoOf, subjectsOf } from './api.ts'
import { jetStreamLimits, type JetStreamLimits } from './limits.ts'
import { Link } from './link.ts'
import { JetStreamReader } from './reader.ts'
import { createWire } from './wire.ts'

export interface JetStreamStoreOptions {
  readonly nc: NatsConnection
  readonly topology: Topology
  readonly limits?: Partial<JetStreamLimits>
}

export interface JetStreamLeaseStore extends LeaseStore, AsyncDisposable {}

/** A key-value bucket as the NATS tools know it, read and written as the log is. */
export function openLeases(options: JetStreamStoreOptions): JetStreamLeaseStore {
  return new JetStreamLeases(options)
}

/** A key that is gone stays as an empty message, so that its watchers are told; but not for ever. */
const removed = 'KV-Operation: DEL\r\nNats-TTL: 1h\r\n'
const nothing = new Uint8Array()
const ahead = { messages: 1000, bytes: 16 * 1024 * 1024 }

class JetStreamLeases implements JetStreamLeaseStore {
  readonly #link: Link
  readonly #limits: JetStreamLimits
  readonly #bucket: string
  readonly #stream: string
  readonly #replicas: number
  readonly #wire: Wire

  constructor({ nc, topology, limits }: JetStreamStoreOptions) {
    this.#link = new Link(nc)
    this.#limits = { ...jetStreamLimits, ...limits }
    const bucket = streamNames(topology).leases
    this.#bucket = `$KV.${bucket}`
    this.#stream = `KV_${bucket}`
    this.#replicas = topology.replicas
    this.#wire = createWire(this.#link, this.#limits, () => this.#stream, topology.replicas)
  }

  async get(key: string): Promise<LeaseValue | undefined> {
    const found = await this.#wire.last(this.#subject(key))
    if (!found || found.bytes.length === 0) return undefined
    return { value: found.bytes, revision: found.seq }
  }

  async put(key: string, value: Uint8Array, revision: number): Promise<number | undefined> {
    if (value.length === 0) throw new RangeError('a lease is never empty')
    const subject = this.#subject(key)
    const seq = await this.#write(subject, value, revision)
    if (seq !== undefined || revision !== 0) return seq
    // Absent may be: removed.
    const last = await this.#wire.last(subject)
    return last?.bytes.length === 0 ? this.#write(subject, value, last.seq) : undefined
  }

  async remove(key: string, revision: number): Promise<boolean> {
    const subject = this.#subject(key)
    if (revision === 0) return false
    return (await this.#write(subject, nothing, revision, removed)) !== undefined
  }

  async list(prefix: string): Promise<readonly (LeaseValue & { key: string })[]> {
    // Key by key and not as one read: a bucket forgets a value that is replaced while it is read.
    const filter = this.#filter(prefix)
    const subjects = await subjectsOf(this.#link, this.#limits, this.#stream, filter)
    const keys = [...subjects.keys()].map((subject) => this.#key(subject)).sort()
    const values = await Promise.all(keys.map(async (key) => ({ key, found: await this.get(key) })))
    return values.flatMap(({ key, found }) => (found ? [{ key, ...found }] : []))
  }

  async *watch(prefix: string, signal: AbortSignal): AsyncGenerator<LeaseChange, void> {
    const range = { stream: this.#stream, subjects: [this.#filter(prefix)], fromSeq: 1 }
    const options = { ...range, holes: 'sparse', replicas: this.#replicas } as const
    const { lastSeq } = await infoOf(this.#link, this.#limits, this.#stream)
    await using reader = new JetStreamReader(this.#link, this.#limits, options, signal)
    reader.grant(ahead)
    for await (const { subject, seq, bytes } of reader) {
      reader.grant({ messages: 1, bytes: bytes.length })
      const value = bytes.length === 0 ? undefined : bytes
      // What was gone before we looked is no news.
      if (value === undefined && seq <= lastSeq) continue
      yield { key: this.#key(subject), revision: seq, value }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#link.close()
  }

  async #write(
    subject: string,
    bytes: Uint8Array,
    expected: number,
    headers?: string,
  ): Promise<number | undefined> {
    const message = { subject, bytes, expected, ...(headers === undefined ? {} : { headers }) }
    const patience = AbortSignal.timeout(this.#limits.patienceMs)
    const outcome = await appendUntilKnown(this.#wire, message, { signal: patience })
    return outcome.kind === 'stored' ? outcome.seq : undefined
  }

  #subject(key: string): string {
    return `${this.#bucket}.${leaseKey(key)}`
  }

  #filter(prefix: string): string {
    return prefix === '' ? `${this.#bucket}.>` : `${this.#subject(prefix)}.>`
  }

  #key(subject: string): string {
    return subject.slice(this.#bucket.length + 1)
  }
}
