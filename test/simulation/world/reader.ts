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
 * first message not seen, after a look at where the stream ends. Told to stop it may still bring a
 * few messages, as the port allows: what it held in its hand, or what was on its way.
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
  /** Told to stop: so many it still brings. */
  #late = Infinity

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
    const stop = (): void => this.#stop()
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
      () => signal.removeEventListener('abort', stop),
    )
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) this.#close()
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

  #pumpSoon(ms = this.#nextMs()): void {
    if (this.#scheduled || this.#end) return
    this.#scheduled = true
    this.#network.process.after(ms, () => {
      this.#scheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    if (this.#end) return
    if (this.#isCutOff()) {
      this.#checked = false
      return this.#pumpSoon(pollMs)
    }
    if (!this.#checked && !this.#checkPosition()) return
    this.#handOut(this.#network.handMs > 0)
  }

  #isCutOff(): boolean {
    const { process, weather, chance } = this.#network
    if (weather.isAway(process.name, 'log')) return true
    return weather.fate(process.name, 'log', chance) !== undefined
  }

  #handOut(oneByOne: boolean): void {
    const { stream } = this.#range
    for (const message of this.#server.view().slice(stream, this.#wanted, this.#next)) {
      if (this.#credit.messages <= 0 || this.#credit.bytes <= 0) return
      if (this.#late-- <= 0) return this.#close()
      this.#credit.messages -= 1
      this.#credit.bytes -= message.bytes.length
      this.#next = message.seq + 1
      this.#last = message
      this.#push(message)
      if (oneByOne) return this.#pumpSoon()
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

  /** What it holds in its hand it gives away one by one; called off, it makes haste. */
  #nextMs(): number {
    const { handMs, hand } = this.#network
    if (handMs === 0) return this.#network.latency()
    return this.#late === Infinity ? hand.between(0, handMs) : hand.between(0, 3)
  }

  #stop(): void {
    const { handMs, hand } = this.#network
    if (this.#end || handMs === 0 || hand.chance(0.2)) return this.#close()
    this.#late = hand.int(1, 3)
    this.#network.process.after(handMs, () => this.#close())
    this.#network.process.after(this.#nextMs(), () => this.#pump())
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
