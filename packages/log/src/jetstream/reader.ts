import { equalBytes } from '@waybill/core'
import { createChannel, type Channel } from '../channel.ts'
import { PositionLost } from '../fault.ts'
import type { Reader, ReadRange, Stored } from '../log.ts'
import { infoOf, messageOf, pause, subjectsOf } from './api.ts'
import type { Link } from './link.ts'
import { Session, type Credit, type ReaderLimits } from './session.ts'

export interface ReaderOptions extends ReadRange {
  /**
   * `checked`: a hole before the first message is `PositionLost`. `sparse`: holes are how the
   * stream is, as in a bucket that keeps one value per key.
   */
  readonly holes: 'checked' | 'sparse'
  readonly replicas: number
}

/** Follows a stream over as many consumers as it takes. */
export class JetStreamReader implements Reader {
  readonly #link: Link
  readonly #limits: ReaderLimits
  readonly #options: ReaderOptions
  readonly #signal: AbortSignal
  readonly #closing = new AbortController()
  readonly #channel: Channel<Stored>
  readonly #credit: Credit = { messages: 0, bytes: 0 }
  /** The first sequence not seen. */
  #next: number
  /** The last message handed out: where it stands, everything before it still stands too. */
  #last: Stored | undefined
  #createdAt: string | undefined
  #session: Session | undefined
  readonly #running: Promise<void>

  constructor(link: Link, limits: ReaderLimits, options: ReaderOptions, signal: AbortSignal) {
    this.#link = link
    this.#limits = limits
    this.#options = options
    this.#next = Math.max(1, options.fromSeq)
    this.#signal = AbortSignal.any([signal, this.#closing.signal])
    this.#channel = createChannel(() => this.#closing.abort())
    // At once, not when the consumer has ended: who told it to stop reads elsewhere from now on.
    this.#signal.addEventListener('abort', () => this.#channel.cut(), { once: true })
    this.#running = this.#run()
  }

  grant({ messages, bytes }: { messages: number; bytes: number }): void {
    this.#credit.messages += messages
    this.#credit.bytes += bytes
    this.#session?.pull()
  }

  [Symbol.asyncIterator](): AsyncIterator<Stored> {
    return this.#channel[Symbol.asyncIterator]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    try {
      // A consumer that ends at once, again and again, must not become a storm.
      for (let barren = 0; !this.#signal.aborted; barren++) {
        const before = { next: this.#next, at: performance.now() }
        await this.#consume()
        if (this.#next > before.next || performance.now() - before.at > settledMs) barren = 0
        if (!this.#signal.aborted) await pause(this.#link, barren, this.#signal)
      }
      this.#channel.cut()
    } catch (cause) {
      if (this.#signal.aborted) this.#channel.cut()
      else this.#channel.fail(cause)
    }
  }

  /** One consumer, from its making to its end. */
  async #consume(): Promise<void> {
    const { stream, subjects, holes } = this.#options
    if (holes === 'checked') await this.#checkPosition()
    const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
    const range = { stream, subjects, fromSeq: this.#next, credit: this.#credit }
    const events = {
      message: (message: Stored) => this.#take(message),
      ended: () => resolve(),
      denied: reject,
    }
    const session = await Session.open(this.#link, this.#limits, range, events, this.#signal)
    const stop = (): void => resolve()
    this.#signal.addEventListener('abort', stop, { once: true })
    const forget = this.#link.onChange(stop)
    try {
      if (this.#signal.aborted || !this.#link.up) return
      this.#session = session
      session.pull()
      await ended
    } finally {
      this.#session = undefined
      forget()
      this.#signal.removeEventListener('abort', stop)
      session.close()
    }
  }

  #take(message: Stored): void {
    this.#next = message.seq + 1
    this.#last = message
    this.#channel.push(message)
  }

  /**
   * The server begins at its first message when it is asked for one before it, and waits in
   * silence when it is asked for one after its last. Both would be a hole.
   */
  async #checkPosition(): Promise<void> {
    const { stream, replicas } = this.#options
    for (let attempt = 0; ; attempt++) {
      const info = await infoOf(this.#link, this.#limits, stream, this.#signal)
      this.#createdAt ??= info.createdAt
      const lost = new PositionLost(stream, this.#next, info)
      if (info.createdAt !== this.#createdAt || (await this.#isRewritten())) throw lost
      if (info.firstSeq > this.#next && (await this.#holds())) throw lost
      if (this.#next <= info.lastSeq + 1) {
        this.#next = Math.max(this.#next, info.firstSeq)
        return
      }
      // A cluster's old leader may not know the end yet.
      if (replicas === 1 || attempt >= staleAnswersMax) throw lost
      await pause(this.#link, attempt, this.#signal)
    }
  }

  /**
   * After a power cut a stream may end earlier than it did, and be filled up again before anybody
   * looks: numbers alone would pass over what stands there now.
   */
  async #isRewritten(): Promise<boolean> {
    const last = this.#last
    if (!last) return false
    const { seq, at, subject, bytes } = last
    const { stream } = this.#options
    const found = await messageOf(this.#link, this.#limits, stream, { seq }, this.#signal)
    // One that is not there was purged, or is missed by its number.
    if (!found) return false
    return found.at !== at || found.subject !== subject || !equalBytes(found.bytes, bytes)
  }

  /**
   * A subject's last message is never purged. So where there is none there never was one, and
   * what the stream has lost was other subjects'.
   */
  async #holds(): Promise<boolean> {
    const { stream, subjects } = this.#options
    const filters = subjects.length === 0 ? ['>'] : subjects
    for (const filter of filters) {
      const found = await subjectsOf(this.#link, this.#limits, stream, filter)
      if (found.size > 0) return true
    }
    return false
  }
}

const staleAnswersMax = 16
const settledMs = 5_000
