import { nuid, type Msg, type Subscription } from '@nats-io/nats-core'
import { z } from 'zod'
import type { Stored } from '../log.ts'
import { ask, call, denied, plain, type ApiLimits } from './api.ts'
import type { Link } from './link.ts'

export interface ReaderLimits extends ApiLimits {
  /** A pull ends by itself after this, and is made anew. */
  readonly pullMs: number
  /** While a pull waits the server says so this often; it is missed after two and a half times. */
  readonly heartbeatMs: number
  /** A consumer that nobody pulls from is dropped by the server. */
  readonly consumerKeptMs: number
}

/** Why a consumer is no use any more. None of it is a fault: the reader makes another. */
export type SessionEnd =
  | 'gap' // messages were lost between the server and us
  | 'silent'
  | 'gone' // the consumer was deleted, or its server stopped
  | 'disconnected'

export interface SessionEvents {
  message(message: Stored): void
  ended(why: SessionEnd): void
  /** We may make a consumer but not pull from it. */
  denied(cause: Error): void
}

export interface Credit {
  messages: number
  bytes: number
}

interface Pull {
  readonly id: string
  readonly asked: number
  /** Messages that may still come. */
  left: number
}

const consumerInfo = z.object({ name: z.string() })
const nothing = z.unknown()

/**
 * One ephemeral consumer without acknowledgements, and the one pull that is outstanding. A single
 * pull keeps the account exact: whatever it brought or did not bring, the next one asks for the
 * credit that is left. The turn-around between two pulls is 0.1 ms.
 */
export class Session {
  readonly #link: Link
  readonly #limits: ReaderLimits
  readonly #stream: string
  readonly #name: string
  readonly #events: SessionEvents
  readonly #credit: Credit
  readonly #inbox: string
  readonly #subscription: Subscription
  readonly #watchdog: NodeJS.Timeout
  readonly #pullSubject: string
  readonly #forget: () => void
  #pull: Pull | undefined
  #pulls = 0
  /** The consumer's own count of deliveries: one more with each, or something was lost. */
  #delivered = 0
  #heardAt = 0
  /** The next message alone is larger than the credit in bytes. */
  #oversized = false
  #ended = false

  private constructor(
    link: Link,
    limits: ReaderLimits,
    at: { stream: string; name: string; credit: Credit },
    events: SessionEvents,
  ) {
    this.#link = link
    this.#limits = limits
    this.#stream = at.stream
    this.#name = at.name
    this.#credit = at.credit
    this.#events = events
    this.#inbox = link.newInbox()
    this.#subscription = link.subscribe(`${this.#inbox}.*`, (message) => this.#received(message))
    this.#pullSubject = `$JS.API.CONSUMER.MSG.NEXT.${at.stream}.${at.name}`
    this.#forget = link.onDenied((subject, cause) => {
      if (subject === this.#pullSubject) events.denied(denied(subject, cause))
    })
    this.#watchdog = setInterval(() => this.#checkPulse(), limits.heartbeatMs / 2)
    // A reader alone does not keep a process alive.
    this.#watchdog.unref()
  }

  static async open(
    link: Link,
    limits: ReaderLimits,
    range: { stream: string; subjects: readonly string[]; fromSeq: number; credit: Credit },
    events: SessionEvents,
    signal: AbortSignal,
  ): Promise<Session> {
    const { stream, subjects, fromSeq, credit } = range
    const name = nuid.next()
    const [only] = subjects
    const filter = subjects.length === 1 ? only : undefined
    const config = {
      name,
      deliver_policy: 'by_start_sequence',
      opt_start_seq: Math.max(1, fromSeq),
      ack_policy: 'none',
      replay_policy: 'instant',
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(limits.consumerKeptMs),
      ...(filter === undefined ? {} : { filter_subject: filter }),
      ...(subjects.length > 1 ? { filter_subjects: subjects } : {}),
    }
    const place = filter === undefined ? `${stream}.${name}` : `${stream}.${name}.${filter}`
    const body = { stream_name: stream, config }
    await ask(link, limits, `CONSUMER.CREATE.${place}`, body, consumerInfo, signal)
    return new Session(link, limits, { stream, name, credit }, events)
  }

  /** Asks for the credit, unless a pull is outstanding: then the next one will. */
  pull(): void {
    const { messages, bytes } = this.#credit
    if (this.#ended || this.#pull || messages <= 0 || bytes <= 0) return
    const { pullMs, heartbeatMs } = this.#limits
    const id = (this.#pulls++).toString(36)
    const asked = this.#oversized ? 1 : Math.min(messages, batchMax)
    const request = {
      batch: asked,
      ...(this.#oversized ? {} : { max_bytes: bytes }),
      expires: nanos(pullMs),
      idle_heartbeat: nanos(heartbeatMs),
    }
    this.#pull = { id, asked, left: asked }
    this.#heardAt = performance.now()
    const reply = `${this.#inbox}.${id}`
    this.#link.publish(this.#pullSubject, Buffer.from(JSON.stringify(request)), reply)
  }

  close(): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#watchdog)
    this.#forget()
    this.#subscription.unsubscribe()
    if (!this.#link.up) return
    // Not awaited: the server drops it by itself in a while.
    const subject = `CONSUMER.DELETE.${this.#stream}.${this.#name}`
    const once = { ...this.#limits, patienceMs: 1 }
    call(this.#link, once, subject, undefined, nothing).catch(() => undefined)
  }

  #end(why: SessionEnd): void {
    if (this.#ended) return
    this.close()
    this.#events.ended(why)
  }

  #checkPulse(): void {
    const silentMs = performance.now() - this.#heardAt
    if (this.#pull && silentMs > 2.5 * this.#limits.heartbeatMs) this.#end('silent')
  }

  #received(message: Msg): void {
    if (this.#ended) return
    this.#heardAt = performance.now()
    const { reply } = message
    if (reply) this.#take(message, reply)
    else this.#status(message)
  }

  #take(message: Msg, reply: string): void {
    const { streamSeq, delivered, at } = parseReply(reply)
    if (delivered !== this.#delivered + 1) return this.#end('gap')
    this.#delivered = delivered
    const bytes = plain(message.data)
    this.#credit.messages -= 1
    this.#credit.bytes -= bytes.length
    this.#oversized = false
    const pull = this.#pull
    if (pull && --pull.left === 0) this.#pull = undefined
    this.#events.message({
      stream: this.#stream,
      subject: message.subject,
      seq: streamSeq,
      at,
      bytes,
    })
    if (this.#pull === undefined) this.pull()
  }

  #status({ subject, headers }: Msg): void {
    const pull = this.#pull
    if (!pull || !headers || subject !== `${this.#inbox}.${pull.id}`) return
    if (headers.code === 100) return this.#checkDelivered(headers.get('Nats-Last-Consumer'))
    const left = headers.get('Nats-Pending-Messages')
    // Ended by time (408) or by size (409), a pull says what it did not bring. Anything else means
    // that there is no such consumer any more.
    if (left === '') return this.#end('gone')
    if (Number(left) !== pull.left) return this.#end('gap')
    this.#oversized = headers.code === 409 && pull.left === pull.asked
    this.#pull = undefined
    this.pull()
  }

  #checkDelivered(last: string): void {
    if (last !== '' && Number(last) !== this.#delivered) this.#end('gap')
  }
}

/** The server takes any number; a pull that asks for more than a minute of work is just as good. */
const batchMax = 100_000

const nanos = (ms: number): number => ms * 1_000_000

/**
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`, or with
 * domain and account between ACK and the stream, and perhaps a token more at the end.
 */
function parseReply(reply: string): { streamSeq: number; delivered: number; at: number } {
  const parts = reply.split('.')
  const base = parts.length >= 11 ? 7 : 5
  const time = parts[base + 2] ?? ''
  return {
    streamSeq: Number(parts[base]),
    delivered: Number(parts[base + 1]),
    at: Number(time.slice(0, -6)),
  }
}
