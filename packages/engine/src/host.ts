import { randomUUID } from 'node:crypto'
import { encode, parseId, type Dispatch, type EffectOf, type Letter } from '@waybill/core'
import { createSender, subjects, type Sender } from '@waybill/log'
import { steadyClock, systemClock, within, type Clock, type SteadyClock } from './clock.ts'
import { flowOf, type FlowStatus } from './flow-status.ts'
import { createFetch } from './fetch.ts'
import { createFitness } from './fitness.ts'
import { createHandlers } from './handlers/index.ts'
import { spawnOf } from './handlers/spawn.ts'
import type { HostOptions } from './host-options.ts'
import { laneOfLetter } from './lanes.ts'
import { hostLimits, type HostLimits } from './limits.ts'
import { createMail } from './mail.ts'
import { createOutbound } from './outbound.ts'
import { Ownership } from './ownership.ts'
import { createPayloads } from './payloads.ts'
import { noCounters, silentLogger, type Counters, type EngineLogger } from './ports.ts'
import { Readers } from './readers.ts'
import { emptyRoom, type Room } from './room.ts'
import type { Shared } from './seat.ts'
import { commitGraceMs, Seats } from './seats.ts'
import { haltedStatus, statusOf, type HostStatus } from './status.ts'
import { Turns } from './turns.ts'

/** An open dispatch as its partition has it, and the journal position that this is true at. */
export interface OpenDispatch {
  readonly dispatch: Dispatch
  readonly slot: number
  readonly seq: number
}

export const createHost = (options: HostOptions): Host => new Host(options)

/**
 * Hosts the partitions of one app: which of them, by leases; what they do, by their own journals.
 * One process, one host, one app.
 */
export class Host {
  readonly counters: Counters = noCounters()
  readonly incarnation: string
  readonly #options: HostOptions
  readonly #wall: Clock
  readonly #clock: SteadyClock
  readonly #logger: EngineLogger
  readonly #limits: HostLimits
  readonly #abort = new AbortController()
  readonly #failure = Promise.withResolvers<never>()
  readonly #room = emptyRoom()
  readonly #sender: Sender
  readonly #turns: Turns
  readonly #readers: Readers
  readonly #shared: Shared
  readonly #seats: Seats
  readonly #ownership: Ownership

  constructor(options: HostOptions) {
    const { log, topology, app, clock: wall = systemClock, logger = silentLogger } = options
    const clock = steadyClock(wall)
    this.#options = options
    this.incarnation = options.incarnation ?? randomUUID()
    this.#wall = wall
    this.#clock = clock
    this.#logger = logger
    this.#limits = { ...hostLimits, ...options.limits }
    // Nobody may be waiting for it yet when it happens.
    this.#failure.promise.catch(() => undefined)
    this.#sender = createSender({ log, signal: this.#abort.signal })
    const failed = (cause: unknown): void => this.#failure.reject(cause)
    this.#turns = new Turns({
      clock,
      room: this.#room,
      limits: this.#limits,
      taken: (unread) => this.#readers.taken(unread),
      failed,
    })
    this.#readers = new Readers({
      log,
      topology,
      clock,
      app: app.name,
      limits: this.#limits,
      turns: this.#turns,
      failed,
      lost: (loops, { name: lane }, cause) => {
        for (const { slot } of loops) void this.#seats.lose(slot, cause, { lane })
      },
    })
    this.#shared = this.#share(this.#room)
    this.#seats = new Seats({
      shared: this.#shared,
      readers: this.#readers,
      incarnation: this.incarnation,
      lost: (slot) => this.#ownership.lost(slot),
      committed: (bundle) => this.#tell(() => options.onCommitted?.(bundle)),
      failed,
    })
    this.#ownership = this.#own()
  }

  /**
   * Leads what it gets until the signal is aborted, then drains: begins nothing, lets what runs
   * finish within the grace period, parks the rest, hands its partitions over.
   *
   * @throws what makes it impossible to go on; then nothing is handed over, the leases lapse
   */
  async run(signal: AbortSignal): Promise<void> {
    const stopped = Promise.withResolvers<void>()
    const stop = (): void => stopped.resolve()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    const owning = this.#ownership.run()
    try {
      await Promise.race([stopped.promise, owning, this.#failure.promise])
      if (!this.#abort.signal.aborted) await Promise.race([this.#drain(), this.#failure.promise])
    } catch (cause) {
      this.#logger.error({ err: cause }, 'the host cannot go on')
      throw cause
    } finally {
      signal.removeEventListener('abort', stop)
      this.kill()
      await this.#shared.handlers.local.close()
      await owning.catch(() => undefined)
    }
  }

  /** Stops at once and hands nothing over, as a crash does. */
  kill(): void {
    this.#ownership.kill()
    this.#readers.close()
    this.#abort.abort()
    this.#seats.kill()
  }

  status(): HostStatus {
    const { app, instance } = this.#options
    const now = this.#clock.now()
    const led = this.#seats.all.map((seat) => statusOf(seat, this.#turns, now))
    const halted = [...this.#seats.halted].map(([slot, cause]) => haltedStatus(slot, cause))
    const partitions = [...led, ...halted].sort((a, b) => a.slot - b.slot)
    const { incarnation } = this
    return { app: app.name, instance, incarnation, room: { ...this.#room }, partitions }
  }

  /** Limits, and who holds and waits under them, of the partitions led here. */
  flow(limit?: string, members = 0): readonly (FlowStatus & { readonly seq: number })[] {
    return this.#seats.all.map(({ loop }) => ({
      ...flowOf(loop.partition, limit, members),
      seq: loop.head.seq,
    }))
  }

  /** Does this host lead the partition of this id (of an event or a dispatch)? */
  leads(id: string): boolean {
    return this.#seats.get(parseId(id)?.slot)?.loop.state === 'leading'
  }

  /** An open dispatch of a partition that is led here, as the log has it. */
  async dispatch(id: string): Promise<OpenDispatch | undefined> {
    const loop = this.#seats.get(parseId(id)?.slot)?.loop
    const dispatch = loop?.partition.dispatches.get(id)
    if (!loop || !dispatch) return undefined
    // Stepped ahead of the log; what is answered must be true there.
    await loop.confirmed()
    if (loop.state !== 'leading' && loop.state !== 'draining') return undefined
    return { dispatch, slot: loop.slot, seq: loop.head.seq }
  }

  /** Posts a letter to a partition of the app, wherever it is led; the answer goes to `replyTo`. */
  async post(slot: number, letter: Letter): Promise<void> {
    const { topology, app, instance } = this.#options
    const subject = subjects(topology).mail(
      app.name,
      slot,
      laneOfLetter[letter.body.kind],
      instance,
    )
    await this.#sender.send(subject, encode(letter))
  }

  async #drain(): Promise<void> {
    this.#readers.close()
    this.#seats.leave()
    await this.#ownership.leave()
    const { all } = this.#seats
    this.#logger.info({ slots: all.map(({ loop }) => loop.slot) }, 'draining')
    await this.#seats.quiet(all)
    await within(this.#clock, commitGraceMs, this.#sender.close())
    await this.#ownership.release()
  }

  #share(room: Room): Shared {
    const { log, snapshots, topology, app, instance, reply } = this.#options
    const clock = this.#clock
    const limits = this.#limits
    return {
      log,
      snapshots,
      topology,
      app,
      instance,
      clock,
      limits,
      room,
      logger: this.#logger,
      counters: this.counters,
      turns: this.#turns,
      signal: this.#abort.signal,
      payloads: createPayloads(limits.payloadBytesMax),
      handlers: createHandlers({ ...limits, app, clock, spawn: spawnOf(this.#options) }),
      reply: ({ to, letter, body }: EffectOf<'reply'>) => this.#tell(() => reply(to, letter, body)),
      fetch: createFetch(log),
      sendLetters: createMail({
        log,
        topology,
        instance,
        clock,
        signal: this.#abort.signal,
        delayed: (cause) => this.#logger.warn({ err: cause }, 'letters wait for the log'),
        failed: (cause) => this.#failure.reject(cause),
      }),
      store: createOutbound({
        topology,
        clock,
        hash: log.hash,
        store: (subject, item) => this.#sender.send(subject, item),
      }),
    }
  }

  #own(): Ownership {
    const { leases, topology, app, instance, locked = false } = this.#options
    return new Ownership({
      leases,
      instance,
      locked,
      app: app.name,
      generation: topology.generation,
      slots: topology.slots,
      incarnation: this.incarnation,
      leaseMs: this.#limits.leaseMs,
      renewEveryMs: this.#limits.renewEveryMs,
      clock: this.#clock,
      logger: this.#logger,
      open: (slot) => this.#seats.open(slot),
      give: (slot) => this.#seats.give(slot),
      doubt: (slot) => this.#seats.doubt(slot),
      fit: createFitness({
        wall: this.#wall,
        clock: this.#clock,
        serverNow: this.#options.serverNow,
        skewMsMax: this.#limits.clockSkewMsMax,
        logger: this.#logger,
      }),
    })
  }

  /** Who listens is not part of the host: that it fails changes nothing here. */
  #tell(listener: () => void): void {
    try {
      listener()
    } catch (cause) {
      this.#logger.warn({ err: cause }, 'somebody who was told something failed')
    }
  }
}
