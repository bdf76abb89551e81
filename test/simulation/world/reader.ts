import { equalBytes } from '@waybill/core'
import {
  LogUnavailable,
  PositionLost,
  type Reader,
  type ReadRange,
  type Stored,
} from '@waybill/log'
import type { Network } from './network.ts'
import type { Server } from './server.ts'

const pollMs = 500
const nothing = new Uint8Array()
type Result = IteratorResult<Stored, undefined>

/**
 * Follows a stream as the JetStream reader does: over as many consumers as it takes. What a broken
 * connection, a restart or a redelivery do to a consumer shows as time only; it begins again at the
 * first message not seen, after a look at where the stream ends.
 */
export class SimulatedReader implements Reader {
  readonly #server: Server
  readonly #network: Network
  readonly #range: ReadRange
  readonly #wanted: (subject: string) => boolean
  readonly #credit = { messages: 0, bytes: 0 }
  readonly #ready: Stored[] = []
  readonly #forget: (() => void)[] = []
  #waiter: PromiseWithResolvers<Result> | undefined
  #end: { readonly cause?: unknown } | undefined
  #next: number
  #last: Stored | undefined
  #checked = false
  #scheduled = false

  constructor(
    server: Server,
    network: Network,
    range: ReadRange,
    wanted: (subject: string) => boolean,
    signal: AbortSignal,
  ) {
    this.#server = server
    this.#network = network
    this.#range = range
    this.#wanted = wanted
    this.#next = Math.max(1, range.fromSeq)
    const close = (): void => this.#close()
    network.readers.add(this)
    this.#forget.push(
      () => network.readers.delete(this),
      server.onStored(({ stream }) => {
        if (stream === range.stream) this.#pumpSoon()
      }),
      server.onRestart(() => {
        this.#checked = false
        this.#pumpSoon()
      }),
      () => signal.removeEventListener('abort', close),
    )
    signal.addEventListener('abort', close, { once: true })
    if (signal.aborted) close()
    else this.#pumpSoon()
  }

  grant({ messages, bytes }: { messages: number; bytes: number }): void {
    this.#credit.messages += messages
    this.#credit.bytes += bytes
    this.#pumpSoon()
  }

  [Symbol.asyncIterator](): AsyncIterator<Stored, undefined> {
    return {
      next: () => this.#take(),
      return: async () => {
        this.#close()
        return { done: true, value: undefined }
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close()
  }

  #take(): Promise<Result> {
    const value = this.#ready.shift()
    if (value) return Promise.resolve({ done: false, value })
    if (this.#end) {
      return 'cause' in this.#end
        ? Promise.reject(this.#end.cause)
        : Promise.resolve({ done: true, value: undefined })
    }
    this.#waiter = Promise.withResolvers()
    return this.#waiter.promise
  }

  #pumpSoon(ms = this.#network.latency()): void {
    if (this.#scheduled || this.#end) return
    this.#scheduled = true
    this.#network.process.after(ms, () => {
      this.#scheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    const { process, weather } = this.#network
    if (this.#end) return
    if (weather.isAway(process.name, 'log')) {
      this.#checked = false
      return this.#pumpSoon(pollMs)
    }
    if (weather.fate(process.name, 'log', this.#network.chance)) {
      this.#checked = false
      return this.#pumpSoon(pollMs)
    }
    if (!this.#checked && !this.#checkPosition()) return
    const { stream } = this.#range
    for (const message of this.#server.view().slice(stream, this.#wanted, this.#next)) {
      if (this.#credit.messages <= 0 || this.#credit.bytes <= 0) return
      this.#credit.messages -= 1
      this.#credit.bytes -= message.bytes.length
      this.#next = message.seq + 1
      this.#last = message
      this.#push(message)
    }
  }

  /** As production's: the server would wait in silence beyond its end, and begin before a hole. */
  #checkPosition(): boolean {
    const { stream } = this.#range
    const info = this.#server.memory.stream(stream).info()
    const heads = this.#server.view().slice(stream, this.#wanted, 1).length
    const isHole = info.firstSeq > this.#next && heads > 0
    if (isHole || this.#next > info.lastSeq + 1 || this.#isRewritten()) {
      this.#finish({ cause: new PositionLost(stream, this.#next, info) })
      return false
    }
    this.#checked = true
    return true
  }

  #isRewritten(): boolean {
    const { seq = 0, at, bytes = nothing } = this.#last ?? {}
    const found = seq > 0 ? this.#server.view().get(this.#range.stream, seq) : undefined
    return found !== undefined && (found.at !== at || !equalBytes(found.bytes, bytes))
  }

  /** The reader gives up, as it does when nobody answers for long. */
  cut(): void {
    this.#finish({ cause: new LogUnavailable(this.#range.stream) })
  }

  #push(message: Stored): void {
    const waiter = this.#waiter
    this.#waiter = undefined
    if (waiter) waiter.resolve({ done: false, value: message })
    else this.#ready.push(message)
  }

  #close(): void {
    this.#ready.length = 0
    this.#finish({})
  }

  #finish(end: { readonly cause?: unknown }): void {
    if (this.#end) return
    this.#end = end
    for (const forget of this.#forget) forget()
    const waiter = this.#waiter
    this.#waiter = undefined
    if (!waiter) return
    if ('cause' in end) waiter.reject(end.cause)
    else waiter.resolve({ done: true, value: undefined })
  }
}
