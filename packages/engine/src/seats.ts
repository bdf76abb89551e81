import { RULES, type Entry } from '@waybill/core'
import { ChainBroken, PositionLost, streamNames, subjects, tail } from '@waybill/log'
import { CatchUps } from './catch-up.ts'
import { within } from './clock.ts'
import type { Committed } from './commit.ts'
import { DuplicateInstance, EngineFault } from './fault.ts'
import { recover } from './open.ts'
import type { Loop } from './partition.ts'
import { takeIn } from './reader.ts'
import type { Readers } from './readers.ts'
import { takeSeat, type Seat, type SeatEvents, type Shared } from './seat.ts'

export interface SeatsPorts {
  readonly shared: Shared
  readonly readers: Readers
  readonly incarnation: string
  /** Another host leads it: nobody here needs its lease. */
  lost(slot: number): Promise<void>
  committed(bundle: Committed): void
  failed(cause: unknown): void
}

const openAttemptsMax = 5
/** An old leader was seen to answer for longer than 10 s. */
const staleMsMax = 15_000
/** For the last bundles of a drain, once nothing runs any more. */
export const commitGraceMs = 5000

/** The partitions that this host leads: how it comes to lead them, and how it ceases to. */
export class Seats {
  readonly #ports: SeatsPorts
  readonly #seats = new Map<number, Seat>()
  readonly #leaving = new AbortController()
  /** Not led yet: its epoch is on its way. */
  #opening: Loop | undefined
  /** Must not go on until somebody looked; their leases are kept, so nobody else tries either. */
  readonly halted = new Map<number, unknown>()
  /** Since when something that was read seems to be gone. */
  readonly #doubted = new Map<number, number>()
  readonly #events: SeatEvents
  readonly #catchUps: CatchUps
  /** Those that have read their definitions to the last: a pause may be among them. */
  readonly #defined = new WeakSet<Loop>()

  constructor(ports: SeatsPorts) {
    this.#ports = ports
    this.#catchUps = new CatchUps({
      ...ports.shared,
      lane: ports.readers.lanes.events,
      lost: ({ slot }, cause) => void this.lose(slot, cause, { lane: 'held' }),
      failed: ports.failed,
    })
    this.#events = {
      committed: (seat, bundle) => {
        // What was held back for lack of room may go on.
        ports.shared.turns.touch(seat.loop)
        ports.committed(bundle)
      },
      stepped: (loop, entry) => this.#stepped(loop, entry),
      kept: (loop, item) => this.#catchUps.keep(loop, item),
      fenced: (loop, lastSeq) => void this.#fenced(loop, lastSeq),
      forgotten: (loop) => void this.#forgotten(loop),
      failed: (_, cause) => ports.failed(cause),
    }
  }

  get all(): readonly Seat[] {
    return [...this.#seats.values()]
  }

  get(slot: number | undefined): Seat | undefined {
    return slot === undefined ? undefined : this.#seats.get(slot)
  }

  /**
   * @returns the epoch; undefined when the partition is halted
   * @throws when it cannot be led now, but perhaps later
   */
  async open(slot: number): Promise<number | undefined> {
    const led = this.#seats.get(slot)
    if (led) return led.loop.partition.epoch.number
    if (this.halted.has(slot)) return undefined
    try {
      const seat = await this.#lead(slot)
      this.#seats.set(slot, seat)
      this.#doubted.delete(slot)
      const { epoch } = seat.loop.partition
      await this.#readDefinitions(seat.loop)
      this.#readAll()
      this.#defined.add(seat.loop)
      this.#catchUps.begin(seat.loop)
      const { seq } = seat.loop.head
      this.#ports.shared.logger.info({ slot, epoch: epoch.number, seq }, 'leading')
      return epoch.number
    } catch (cause) {
      if (!mustHalt(cause) || this.#mayBeStale(slot)) throw cause
      this.halt(slot, cause, {})
      return undefined
    }
  }

  /** What an old leader of a cluster does not show may be there all the same. */
  #mayBeStale(slot: number): boolean {
    const { clock, topology } = this.#ports.shared
    const since = this.#doubted.get(slot) ?? clock.now()
    this.#doubted.set(slot, since)
    return topology.replicas > 1 && clock.now() - since < staleMsMax
  }

  /** What is being recovered is left to others. */
  leave(): void {
    this.#leaving.abort()
  }

  /** In good order: all that it began is in the log, and nothing runs. */
  async give(slot: number): Promise<void> {
    this.halted.delete(slot)
    const seat = this.#seats.get(slot)
    if (!seat) return
    await this.quiet([seat])
    this.#remove(seat.loop, 'closed')
  }

  /** Nothing begins any more; what runs gets its grace, then it is parked; all is committed. */
  async quiet(seats: readonly Seat[]): Promise<void> {
    const { clock, limits } = this.#ports.shared
    for (const { loop } of seats) loop.hold()
    const drained = Promise.all(seats.map(({ loop }) => loop.drained()))
    await within(clock, limits.drainGraceMs, drained)
    for (const { loop } of seats) loop.effects.park()
    await within(clock, commitGraceMs, drained)
  }

  halt(slot: number, cause: unknown, fields: object): void {
    const seat = this.#seats.get(slot)
    this.halted.set(slot, cause)
    if (seat) this.#remove(seat.loop, 'halted')
    this.#ports.shared.logger.error({ err: cause, slot, ...fields }, 'a partition must not go on')
  }

  /** The lease is somebody else's. If the journal is too, there is nothing to wait for. */
  async doubt(slot: number): Promise<void> {
    const loop = this.#seats.get(slot)?.loop
    if (!loop) return
    const last = await this.#tail(slot)
    if (!last || last.header.epoch <= loop.partition.epoch.number) return
    if (this.#seats.get(slot)?.loop === loop) await this.#fenced(loop, last.seq)
  }

  /**
   * What it was to read next is gone. Where another host leads by now that is nothing to halt for:
   * that host has read it, and retention took it afterwards.
   */
  async lose(slot: number, cause: unknown, fields: object): Promise<void> {
    const loop = this.#seats.get(slot)?.loop
    await this.doubt(slot).catch((away: unknown) => {
      this.#ports.shared.logger.warn({ err: away, slot }, 'nobody can tell who leads')
    })
    if (this.#seats.get(slot)?.loop === loop) this.halt(slot, cause, fields)
  }

  /** At once, whatever is under way. */
  kill(): void {
    this.#catchUps.close()
    this.#opening?.close('closed')
    for (const { loop } of this.all) loop.close('closed')
    this.#seats.clear()
  }

  /** Recovers, then asks the log for the right to write. */
  async #lead(slot: number): Promise<Seat> {
    const { shared, incarnation } = this.#ports
    const { topology, app, log, snapshots, instance, limits } = shared
    const signal = AbortSignal.any([shared.signal, this.#leaving.signal])
    const id = { app: app.name, generation: topology.generation, slot }
    const ports = { log, snapshots, topology, signal, sliceMsMax: limits.sliceMsMax }
    for (let attempt = 1; attempt <= openAttemptsMax; attempt++) {
      const recovered = await recover(id, ports)
      signal.throwIfAborted()
      const seat = takeSeat(shared, recovered, this.#events)
      const { loop } = seat
      loop.feed({
        kind: 'epoch',
        epoch: recovered.partition.epoch.number + 1,
        instance,
        incarnation,
        rules: RULES,
        hosts: app.definitions.map(({ hash }) => hash),
        streams: recovered.streams,
      })
      this.#opening = loop
      await loop.opened()
      this.#opening = undefined
      if (loop.state === 'leading') return seat
      signal.throwIfAborted()
      // Its leader wrote once more while it was being read; from there once again.
    }
    throw new Error(`slot ${slot} is being written by somebody else`)
  }

  /** To the leader's last definition, before a single event is judged by them. */
  async #readDefinitions(loop: Loop): Promise<void> {
    const { shared, readers } = this.#ports
    const lane = readers.lanes.defs
    const fromSeq = loop.partition.positions.get(lane.position)?.seq ?? 1
    const range = { stream: lane.stream, subjects: [lane.subject(loop.slot)], fromSeq }
    for await (const stored of shared.log.read(range, shared.signal)) {
      const lost = (cause: Error): never => {
        throw cause
      }
      takeIn({ loop, lane, stored, opened: undefined, lost }, () => true)
    }
  }

  #readAll(): void {
    const { readers, shared } = this.#ports
    if (!shared.signal.aborted) readers.read(this.all.map(({ loop }) => loop))
  }

  #remove(loop: Loop, as: 'closed' | 'fenced' | 'halted'): void {
    this.#catchUps.end(loop)
    loop.close(as)
    if (this.#seats.get(loop.slot)?.loop !== loop) return
    this.#seats.delete(loop.slot)
    this.#readAll()
  }

  #stepped(loop: Loop, { input }: Entry): void {
    if (input.kind !== 'def' || !this.#seats.has(loop.slot)) return
    const loops = this.all.map((seat) => seat.loop)
    this.#ports.readers.deployed(loop, loops)
    if (this.#defined.has(loop)) this.#catchUps.begin(loop)
  }

  /** Another host's bundle is the last one. Theirs is the partition; ours is to stop. */
  async #fenced(loop: Loop, lastSeq: number): Promise<void> {
    const { shared, lost, failed } = this.#ports
    const { counters, logger } = shared
    const wasOpening = loop.state === 'opening'
    const { slot } = loop
    counters.conflicts += 1
    this.#remove(loop, 'fenced')
    if (wasOpening) return
    counters.fences += 1
    logger.warn({ slot, lastSeq }, 'fenced')
    try {
      this.#checkName(loop, (await this.#tail(slot))?.header)
      await lost(slot)
    } catch (cause) {
      failed(cause)
    }
  }

  /** Whoever opens it next begins with what is left, and halts it if something it has read is gone. */
  async #forgotten(loop: Loop): Promise<void> {
    const { shared, lost, failed } = this.#ports
    const { slot } = loop
    const wasOpening = loop.state === 'opening'
    this.#remove(loop, 'fenced')
    shared.counters.forgotten += 1
    shared.logger.error({ slot }, 'the server restarted without what it had acknowledged')
    if (!wasOpening) await lost(slot).catch(failed)
  }

  #tail(slot: number): ReturnType<typeof tail> {
    const { log, topology, app } = this.#ports.shared
    return tail(log, streamNames(topology).journal, subjects(topology).journal(app.name, slot))
  }

  #checkName({ partition }: Loop, header: Committed['header'] | undefined): void {
    const { instance } = this.#ports.shared
    if (header?.instance !== instance || header.epoch <= partition.epoch.number) return
    throw new DuplicateInstance(instance)
  }
}

/** What waiting does not mend: somebody has to look at it. */
const mustHalt = (cause: unknown): boolean =>
  (cause instanceof EngineFault && cause.kind === 'halt') ||
  cause instanceof ChainBroken ||
  cause instanceof PositionLost
