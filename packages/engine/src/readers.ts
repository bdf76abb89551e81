import type { PositionLost, Topology } from '@waybill/log'
import type { InputLost } from './fault.ts'
import { lanesOf, type Lane, type LaneName, type Lanes } from './lanes.ts'
import type { Loop } from './partition.ts'
import { LaneReader, reads, type ReaderPorts, type Unread } from './reader.ts'
import type { Turns } from './turns.ts'

export interface ReadersPorts extends Pick<ReaderPorts, 'log' | 'clock' | 'limits' | 'failed'> {
  readonly topology: Topology
  readonly app: string
  readonly turns: Turns
  lost(loops: readonly Loop[], lane: Lane, cause: PositionLost | InputLost): void
}

/** All lanes of a host. One reader each, whatever the number of partitions. */
export class Readers {
  readonly lanes: Lanes
  readonly #readers: { readonly [K in LaneName]: LaneReader }
  /** Whose events are read: a partition without a deploy has none that are its business. */
  #withEvents: ReadonlySet<Loop> = new Set()
  #closed = false

  constructor(ports: ReadersPorts) {
    const lanes = lanesOf(ports.topology, ports.app)
    const { turns } = ports
    const open = (lane: Lane): LaneReader =>
      new LaneReader({
        ...ports,
        lane,
        deliver: (unread) => turns.deliver(unread),
        forget: () => turns.forget(lane),
        lost: (loops, cause) => ports.lost(loops, lane, cause),
      })
    this.lanes = lanes
    this.#readers = {
      events: open(lanes.events),
      ask: open(lanes.ask),
      answer: open(lanes.answer),
      defs: open(lanes.defs),
    }
  }

  /** Reads for these partitions, and for no others. */
  read(loops: readonly Loop[]): void {
    for (const lane of Object.values<Lane>(this.lanes)) this.#readLane(lane, loops)
  }

  /** A partition took a definition: from the first one on it reads events. */
  deployed(loop: Loop, loops: readonly Loop[]): void {
    if (!this.#withEvents.has(loop)) this.#readLane(this.lanes.events, loops)
  }

  taken({ lane, stored }: Unread): void {
    this.#readers[lane.name].release(stored)
  }

  /** For good: what is opened from now on reads nothing. */
  close(): void {
    this.#closed = true
    for (const reader of Object.values(this.#readers)) reader.close()
  }

  #readLane(lane: Lane, loops: readonly Loop[]): void {
    if (this.#closed) return
    const readable = loops.filter((loop) => reads(loop, lane))
    if (lane.name === 'events') this.#withEvents = new Set(readable)
    this.#readers[lane.name].read(readable)
  }
}
