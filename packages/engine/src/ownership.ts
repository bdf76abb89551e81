import { sleepUntil } from './clock.ts'
import { DuplicateInstance } from './fault.ts'
import { LeaseBook, type LeaseBookPorts } from './lease-book.ts'
import { plan, type Move } from './lease.ts'
import type { EngineLogger } from './ports.ts'

export interface OwnershipPorts extends LeaseBookPorts {
  readonly renewEveryMs: number
  readonly logger: EngineLogger
  /** Opens a partition and answers its epoch; undefined: it is not to be led for now, but kept. */
  open(slot: number): Promise<number | undefined>
  /** Gives a partition up in good order: resolves when all that it began is in the log. */
  give(slot: number): Promise<void>
  /** Somebody else has the lease of a partition that is open here: is it still ours? */
  doubt(slot: number): Promise<void>
  /** Is the clock near enough to the server's to lead? */
  fit(): Promise<boolean>
}

/** Keeps this host's leases, and takes and gives partitions as the plan wants it. */
export class Ownership {
  readonly #ports: OwnershipPorts
  readonly #book: LeaseBook
  readonly #stop = new AbortController()
  /** Slots that are left alone for a while: they were just lost, or could not be opened. */
  readonly #rested = new Map<number, number>()
  #acting: Promise<unknown> = Promise.resolve()
  #giving = false
  #leaving = false
  #fit = true
  #restUntil = 0
  #poked = false
  #poke: (() => void) | undefined

  constructor(ports: OwnershipPorts) {
    this.#ports = ports
    this.#book = new LeaseBook(ports)
    this.#stop.signal.addEventListener('abort', () => this.#wake())
  }

  /** Joins, then plans and renews until it is stopped. */
  async run(): Promise<void> {
    const { signal } = this.#stop
    await this.#untilFit()
    await this.#book.join(signal)
    const seen = (): void => this.#wake()
    await Promise.all([
      this.#book.watch(signal, seen, (slot) => void this.#doubt(slot)),
      this.#renew(),
      this.#plan(),
    ])
  }

  /** Until then nobody is to count on this host: what it does not take, others must. */
  async #untilFit(): Promise<void> {
    const { clock, fit, renewEveryMs } = this.#ports
    const { signal } = this.#stop
    while (!signal.aborted && !(await fit())) {
      await sleepUntil(clock, clock.now() + renewEveryMs, signal)
    }
  }

  /** Takes nothing any more, and goes on renewing what it has. Resolves when nothing is half taken. */
  async leave(): Promise<void> {
    this.#leaving = true
    await this.#acting
  }

  /** Hands everything over: what was given up in order may be taken by others at once. */
  async release(): Promise<void> {
    await this.leave()
    try {
      await Promise.all(this.#book.held.map((slot) => this.#give(slot)))
      await this.#book.leave()
    } catch (cause) {
      this.#ports.logger.warn({ err: cause }, 'the member key could not be removed, it will lapse')
    } finally {
      this.#stop.abort()
    }
  }

  /** Stops without a word, as a crash does. */
  kill(): void {
    this.#stop.abort()
  }

  /** The partition is somebody else's: to grab it back at once would be a quarrel. */
  async lost(slot: number): Promise<void> {
    this.#restSlot(slot)
    await this.#book.drop(slot).catch(() => undefined)
  }

  async #renew(): Promise<void> {
    const { clock, renewEveryMs, logger } = this.#ports
    const { signal } = this.#stop
    for (;;) {
      const asleep = clock.elapsed()
      await sleepUntil(clock, clock.now() + renewEveryMs, signal)
      if (signal.aborted) return
      this.#noteLag(clock.elapsed() - asleep - renewEveryMs)
      try {
        await this.#renewAll()
      } catch (cause) {
        if (cause instanceof DuplicateInstance) throw cause
        logger.warn({ err: cause }, 'leases could not be renewed')
      }
      this.#wake()
    }
  }

  /** A handler that holds up the event loop holds up its leases: where there are others, they lead. */
  #noteLag(lateMs: number): void {
    const { clock, leaseMs, logger } = this.#ports
    if (lateMs < leaseMs / 4) return
    logger.warn({ lateMs }, 'the event loop was held up')
    if (this.#book.hasOthers) this.#restUntil = clock.now() + leaseMs
  }

  async #renewAll(): Promise<void> {
    const { clock, fit } = this.#ports
    this.#fit = (await fit()) && clock.now() >= this.#restUntil
    if (this.#fit) await this.#book.renewMember()
    else if (this.#book.held.length === 0) await this.#book.leave()
    await Promise.all(
      this.#book.held.map(async (slot) => {
        if (!(await this.#book.renew(slot))) await this.#doubt(slot)
      }),
    )
    await this.#book.sweep()
  }

  async #doubt(slot: number): Promise<void> {
    try {
      await this.#ports.doubt(slot)
    } catch (cause) {
      this.#ports.logger.warn({ err: cause, slot }, 'could not see who leads a partition')
    }
  }

  async #plan(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const acting = this.#leaving ? Promise.resolve(false) : this.#act(this.#next())
      this.#acting = acting
      if (!(await acting)) await this.#rest()
    }
  }

  #next(): Move {
    if (this.#fit) return plan(this.#book.view())
    const [release] = this.#book.held
    return release === undefined ? {} : { release }
  }

  async #act({ acquire, release }: Move): Promise<boolean> {
    if (acquire !== undefined) return this.#acquire(acquire)
    if (release === undefined || this.#giving || !this.#book.held.includes(release)) return false
    this.#giving = true
    void this.#give(release).finally(() => {
      this.#giving = false
      this.#wake()
    })
    return false
  }

  async #acquire(slot: number): Promise<boolean> {
    const { clock, logger } = this.#ports
    if ((this.#rested.get(slot) ?? 0) > clock.now()) return false
    try {
      if (!(await this.#book.take(slot))) return false
      const epoch = await this.#ports.open(slot)
      await this.#book.renew(slot, epoch)
      return true
    } catch (cause) {
      if (!this.#stop.signal.aborted)
        logger.warn({ err: cause, slot }, 'a partition was not opened')
      await this.lost(slot)
      return false
    }
  }

  async #give(slot: number): Promise<void> {
    const { give, logger } = this.#ports
    try {
      await give(slot)
      await this.#book.drop(slot)
      logger.info({ slot }, 'gave a partition up')
    } catch (cause) {
      logger.warn({ err: cause, slot }, 'a lease could not be given back, it will lapse')
    }
  }

  #restSlot(slot: number): void {
    const { clock, renewEveryMs } = this.#ports
    this.#rested.set(slot, clock.now() + renewEveryMs)
  }

  /** Until something changed, or somebody's lease is over. */
  async #rest(): Promise<void> {
    const { clock } = this.#ports
    const rested = [...this.#rested.values()].filter((at) => at > clock.now())
    const at = Math.min(this.#book.nextLapse() ?? Infinity, ...rested)
    if (!this.#poked) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#poke = resolve
      const cancel = at === Infinity ? undefined : clock.wake(at, resolve)
      await promise
      cancel?.()
    }
    this.#poke = undefined
    this.#poked = false
  }

  #wake(): void {
    this.#poked = true
    this.#poke?.()
  }
}
