import {
  createInbox,
  PermissionViolationError,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Status,
  type Subscription,
} from '@nats-io/nats-core'
import { LogClosed, LogRefused } from '../fault.ts'

/** What became of a request. */
export type Reply =
  | { readonly kind: 'answer'; readonly data: Uint8Array }
  /** Nobody listens: no stream of that subject, or none with a leader. It surely did nothing. */
  | { readonly kind: 'nobody' }
  /** Timed out or cut off: it may have been carried out. */
  | { readonly kind: 'lost'; readonly cause: Error }
  | { readonly kind: 'denied'; readonly cause: Error }

export interface RequestOptions {
  /** Header lines, each `name: value\r\n`. */
  readonly headers?: string | undefined
  readonly timeoutMs: number
}

interface Pending {
  readonly subject: string
  readonly timer: NodeJS.Timeout
  readonly resolve: (reply: Reply) => void
}

/**
 * One connection as this adapter uses it. Requests have one inbox of their own and no more than a
 * map entry and a timer each: 4-5 µs a publish, where the library's `request` costs 11-24 and its
 * `publish` of JetStream 12-34 (bench/log.bench.ts). A request that is under way when the connection
 * breaks is lost at once instead of after its time-out, and nothing is asked while there is none:
 * the library would take it and drop it in silence.
 */
export class Link {
  readonly #nc: NatsConnection
  readonly #inbox: string
  readonly #subscription: Subscription
  readonly #statuses: AsyncIterable<Status>
  readonly #pending = new Map<string, Pending>()
  readonly #listeners = new Set<(state: 'up' | 'down') => void>()
  readonly #denials = new Set<(subject: string, cause: Error) => void>()
  #requests = 0
  #serverId = ''
  #state: 'up' | 'down' | 'closed' = 'up'

  constructor(nc: NatsConnection) {
    this.#nc = nc
    this.#inbox = this.newInbox()
    this.#subscription = nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => this.#answered(error, message),
    })
    this.#statuses = nc.status()
    void this.#watch()
  }

  get up(): boolean {
    return this.#state === 'up'
  }

  /** What one message may carry, headers included. */
  get payloadBytesMax(): number {
    return this.#nc.info?.max_payload ?? 1024 * 1024
  }

  /**
   * A server makes itself a new one whenever it starts, and says it before anything can be sent to
   * it. While there is no connection it is still the last one's.
   */
  get serverId(): string {
    this.#serverId = this.#nc.info?.server_id ?? this.#serverId
    return this.#serverId
  }

  newInbox(): string {
    // Every connection of the library has its options; the interface only does not say so.
    const { options } = this.#nc as { options?: { inboxPrefix?: string } }
    return createInbox(options?.inboxPrefix)
  }

  request(subject: string, data: Uint8Array, options: RequestOptions): Promise<Reply> {
    if (this.#state !== 'up') return Promise.resolve({ kind: 'lost', cause: notConnected })
    const token = (this.#requests++).toString(36)
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(token, lostByTime), options.timeoutMs)
      this.#pending.set(token, { subject, timer, resolve })
      try {
        this.publish(subject, data, `${this.#inbox}.${token}`, options.headers)
      } catch (cause) {
        this.#settle(token, refusedHere(subject, cause))
      }
    })
  }

  publish(subject: string, data: Uint8Array, reply: string, headers?: string): void {
    this.#nc.publish(subject, data, headers === undefined ? { reply } : withHeaders(reply, headers))
  }

  subscribe(subject: string, callback: (message: Msg) => void): Subscription {
    return this.#nc.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) callback(message)
      },
    })
  }

  /** Told of every change, until the function returned is called. */
  onChange(listener: (state: 'up' | 'down') => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Told of what the server does not permit to be sent; it names no request, only the subject. */
  onDenied(listener: (subject: string, cause: Error) => void): () => void {
    this.#denials.add(listener)
    return () => this.#denials.delete(listener)
  }

  /** Resolves once there is a connection. Rejects with the signal, or for good when closed. */
  async ready(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#state === 'up') return
    if (this.#state === 'closed') throw new LogClosed('the connection')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const aborted = (): void => reject(signal?.reason)
    const forget = this.onChange(() => {
      if (this.#state === 'closed') reject(new LogClosed('the connection'))
      else if (this.#state === 'up') resolve()
    })
    signal?.addEventListener('abort', aborted, { once: true })
    try {
      await promise
    } finally {
      forget()
      signal?.removeEventListener('abort', aborted)
    }
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#change('closed')
    if (!this.#nc.isClosed()) this.#subscription.unsubscribe()
    // An iterator of the library waits for the next status unless it is told to stop.
    const statuses = this.#statuses as Partial<{ stop(): void }>
    statuses.stop?.()
  }

  async #watch(): Promise<void> {
    for await (const status of this.#statuses) {
      if (status.type === 'disconnect') this.#change('down')
      if (status.type === 'reconnect') this.#change('up')
      if (status.type === 'error') this.#denied(status.error)
    }
    this.#change('closed')
  }

  #change(state: 'up' | 'down' | 'closed'): void {
    if (this.#state === state || this.#state === 'closed') return
    this.#state = state
    const lost: Reply = { kind: 'lost', cause: notConnected }
    if (state !== 'up') for (const token of this.#pending.keys()) this.#settle(token, lost)
    for (const listener of this.#listeners) listener(state === 'up' ? 'up' : 'down')
  }

  #denied(error: Error): void {
    if (!(error instanceof PermissionViolationError) || error.operation !== 'publish') return
    const reply: Reply = { kind: 'denied', cause: error }
    for (const [token, { subject }] of this.#pending) {
      if (subject === error.subject) this.#settle(token, reply)
    }
    for (const listener of this.#denials) listener(error.subject, error)
  }

  #answered(error: Error | null, message: Msg): void {
    if (error !== null) {
      for (const token of this.#pending.keys()) {
        this.#settle(token, { kind: 'denied', cause: error })
      }
      return
    }
    const token = message.subject.slice(this.#inbox.length + 1)
    const { data } = message
    const nobody = data.length === 0 && message.headers?.code === 503
    this.#settle(token, nobody ? { kind: 'nobody' } : { kind: 'answer', data })
  }

  #settle(token: string, reply: Reply): void {
    const pending = this.#pending.get(token)
    if (!pending) return
    this.#pending.delete(token)
    clearTimeout(pending.timer)
    pending.resolve(reply)
  }
}

const notConnected = new Error('the connection to NATS is broken')
const lostByTime: Reply = { kind: 'lost', cause: new Error('no answer in time') }

const refusedHere = (subject: string, cause: unknown): Reply => ({
  kind: 'denied',
  cause: new LogRefused(subject, 'the client does not send it', undefined, { cause }),
})

/** The library asks headers for their bytes and nothing else, so we give it these. */
function withHeaders(reply: string, lines: string): { reply: string; headers: MsgHdrs } {
  const bytes = Buffer.from(`NATS/1.0\r\n${lines}\r\n`, 'latin1')
  return { reply, headers: { encode: () => bytes } as unknown as MsgHdrs }
}
