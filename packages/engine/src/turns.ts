import type { Clock } from './clock.ts'
import type { Lane } from './lanes.ts'
import type { HostLimits } from './limits.ts'
import type { Loop } from './partition.ts'
import { takeIn, type Unread } from './reader.ts'
import { hasRoom, type Room } from './room.ts'

export interface TurnPorts {
  readonly clock: Clock
  readonly room: Room
  readonly limits: HostLimits
  /** A message was taken in whole. */
  taken(unread: Unread): void
  failed(cause: unknown): void
}

/** What is read again beside the lanes, and waits for room as they do. */
export interface Offer {
  /** @returns whether it is taken in whole */
  take(go: () => boolean): boolean
  taken(): void
}

/**
 * When things happen. All that comes in during one breath of the event loop (results, messages,
 * acknowledgements) is taken first, then every partition that was touched commits once: that is the
 * whole of the group commit's timing, and no timer is part of it.
 */
export class Turns {
  readonly #ports: TurnPorts
  readonly #go: () => boolean
  #dirty = new Set<Loop>()
  /** Their timers are due and wait for room. */
  readonly #held = new Set<Loop>()
  #turning: Loop | undefined
  #scheduled = false
  /** Messages that wait for room, in the order in which they came. */
  #unread: Unread[] = []
  #next = 0
  readonly #offers = new Set<Offer>()
  /** Who comes first changes with every turn, so neither starves the other. */
  #offersFirst = false

  constructor(ports: TurnPorts) {
    const { room, limits } = ports
    this.#ports = ports
    this.#go = () => hasRoom(room, limits)
  }

  /** At the end of this turn, this partition does what is due and commits what gathered. */
  touch(loop: Loop): void {
    if (loop === this.#turning) return
    this.#dirty.add(loop)
    this.#schedule()
  }

  /** The same, after the event loop has been round once. */
  again(loop: Loop): void {
    this.#ports.clock.soon(() => this.touch(loop))
  }

  /** What it has begun comes before what is new: else retries would starve under load. */
  hold(loop: Loop): void {
    this.#held.add(loop)
  }

  /** A place is free: whoever waits for it is looked at at the end of this turn. */
  freed(): void {
    this.#schedule()
  }

  deliver(unread: Unread): void {
    if (!unread.lane.credited) {
      takeIn(unread, always)
      this.#ports.taken(unread)
      return
    }
    this.#unread.push(unread)
    this.#schedule()
  }

  offer(offer: Offer): void {
    this.#offers.add(offer)
    this.#schedule()
  }

  withdraw(offer: Offer): void {
    this.#offers.delete(offer)
  }

  forget(lane: Lane): void {
    this.#unread = this.#unread.slice(this.#next).filter((unread) => unread.lane !== lane)
    this.#next = 0
  }

  /** Server time of the oldest message of a partition that it has not taken. */
  waitingSince(loop: Loop): number | undefined {
    for (let at = this.#next; at < this.#unread.length; at++) {
      const unread = this.#unread[at]
      if (unread?.loop === loop) return unread.stored.at
    }
    return undefined
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      try {
        this.#run()
      } catch (cause) {
        this.#ports.failed(cause)
      }
    })
  }

  #run(): void {
    this.#fireHeld()
    this.#offersFirst = !this.#offersFirst
    if (this.#offersFirst) this.#takeOffers()
    this.#takeWaiting()
    if (!this.#offersFirst) this.#takeOffers()
    const dirty = this.#dirty
    this.#dirty = new Set()
    for (const loop of dirty) {
      this.#turning = loop
      loop.turn()
    }
    this.#turning = undefined
    this.#scheduled = false
    if (this.#dirty.size > 0) this.#schedule()
  }

  #fireHeld(): void {
    for (const loop of this.#held) {
      if (!this.#go()) return
      this.#held.delete(loop)
      loop.fire()
    }
  }

  #takeOffers(): void {
    for (const offer of this.#offers) {
      // The next one in its place begins behind the others.
      this.#offers.delete(offer)
      if (offer.take(this.#go)) offer.taken()
      else this.#offers.add(offer)
      if (!this.#go()) return
    }
  }

  #takeWaiting(): void {
    const unread = this.#unread
    for (let first = unread[this.#next]; first; first = unread[++this.#next]) {
      if (!takeIn(first, this.#go)) break
      this.#ports.taken(first)
    }
    if (this.#next < 64 && this.#next < unread.length) return
    this.#unread = unread.slice(this.#next)
    this.#next = 0
  }
}

const always = (): boolean => true
