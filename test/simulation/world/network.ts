import { LogUnavailable } from '@waybill/log'
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import type { Schedule } from './schedule.ts'
import type { Service, Weather } from './weather.ts'

export type Reply<T> =
  | { readonly kind: 'answer'; readonly value: T }
  /** Not carried out. */
  | { readonly kind: 'busy' }
  /** No answer in time: carried out or not, or yet to be. */
  | { readonly kind: 'lost' }

const requestMs = 2000
const pauseMsMin = 25
const pauseMsMax = 1000
const latenessMsMax = 8000

/** The way of one process to the server and back. */
export class Network {
  readonly process: Process
  readonly weather: Weather
  readonly chance: Random
  /** How long a reader may hold a message in its hand: 0 = it gives all of it away at once. */
  readonly handMs: number
  readonly hand: Random
  /** What follows a stream over it. */
  readonly readers = new Set<{ cut(): void }>()
  readonly #schedule: Schedule

  constructor(schedule: Schedule, weather: Weather, process: Process, chance: Random, handMs = 0) {
    this.#schedule = schedule
    this.weather = weather
    this.process = process
    this.chance = chance
    this.handMs = handMs
    this.hand = chance.fork('hand')
  }

  /** Some of its readers give up, as they do when nobody answers for long. */
  cutReaders(): void {
    for (const reader of this.readers) if (this.chance.chance(0.5)) reader.cut()
  }

  /** One request. What it does at the server happens there, whatever becomes of who asked. */
  request<T>(service: Service, carryOut: () => T): Promise<Reply<Awaited<T>>> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply<Awaited<T>>>()
    const trouble = this.weather.fate(this.process.name, service, this.chance)
    const there = trouble === 'slow' ? this.chance.between(500, 1900) : this.latency()
    const answer = (reply: Reply<Awaited<T>>, ms: number): void => {
      this.process.after(ms, () => resolve(reply))
    }
    const arrive = async (): Promise<Awaited<T>> => await carryOut()
    const unheard = (): void => void arrive().catch(() => undefined)
    switch (trouble) {
      case undefined:
      case 'slow':
        this.#schedule.after(there, () => {
          arrive().then(
            (value) => answer({ kind: 'answer', value }, this.latency()),
            (cause: unknown) => this.process.after(this.latency(), () => reject(cause)),
          )
        })
        break
      case 'busy':
      case 'in-flight':
        answer({ kind: 'busy' }, there + this.latency())
        break
      case 'late':
        this.#schedule.after(requestMs + this.chance.between(0, latenessMsMax), unheard)
        answer({ kind: 'lost' }, requestMs)
        break
      case 'ack-lost':
        this.#schedule.after(there, unheard)
        answer({ kind: 'lost' }, requestMs)
        break
      case 'lost':
        answer({ kind: 'lost' }, requestMs)
        break
      default:
        trouble satisfies never
    }
    return promise
  }

  /** Asked until it is answered; for what may be carried out twice. */
  async ask<T>(
    service: Service,
    what: string,
    carryOut: () => T,
    {
      signal,
      patienceMs = Infinity,
    }: { signal?: AbortSignal | undefined; patienceMs?: number } = {},
  ): Promise<Awaited<T>> {
    const until = this.#schedule.now + patienceMs
    for (let attempt = 0; ; attempt++) {
      const reply = await this.request(service, carryOut)
      if (reply.kind === 'answer') return reply.value
      if (signal?.aborted || this.#schedule.now > until) throw new LogUnavailable(what)
      await this.pause(attempt, signal).catch((cause: unknown) => {
        throw new LogUnavailable(what, { cause })
      })
    }
  }

  async pause(attempt: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    const ms = Math.min(pauseMsMax, pauseMsMin * 2 ** Math.min(attempt, 10))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const stop = (): void => reject(signal?.reason)
    signal?.addEventListener('abort', stop, { once: true })
    this.process.after(ms, () => {
      signal?.removeEventListener('abort', stop)
      resolve()
    })
    return promise
  }

  latency(): number {
    return this.chance.between(0.2, 3)
  }

  /** When a read of this process is answered by a leader of the past. */
  readsAsOf(): number {
    return this.weather.readsAsOf(this.process.name, this.chance)
  }
}
