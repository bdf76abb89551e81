import { holdersOf, owed, owedTo, type Stretch, type Where } from '@waybill/core'
import { decodeBatch, LogFault, PositionLost, type EventLog, type Stored } from '@waybill/log'
import { sleepUntil, type Clock } from './clock.ts'
import { InputLost } from './fault.ts'
import { readEvent, type HeldItem } from './intake.ts'
import type { Lane } from './lanes.ts'
import type { Loop } from './partition.ts'
import type { Offer, Turns } from './turns.ts'

export interface CatchUpPorts {
  readonly log: EventLog
  readonly clock: Clock
  readonly turns: Turns
  /** The lane of events. */
  readonly lane: Lane
  /** What was held is gone: the partition cannot go on. */
  lost(loop: Loop, cause: InputLost): void
  failed(cause: unknown): void
}

/** Of one partition, read ahead of it. Many may catch up at once, after an app was paused. */
const ahead = { messages: 64, bytes: 1024 * 1024 }
/** Held while the rest is read; more than that is read from the log once more. */
const tailMax = 1024
const tailBytesMax = 2 * 1024 * 1024
const reopenMs = 1000
/** An old leader was seen to answer for longer than 10 s; what it does not show may be there. */
const doubtsMax = 15

/**
 * After a pause (rule 2.5): what was held is read again, from the record's own places, and given to
 * the bindings that are owed it, while the partition goes on with the others. What the partition
 * takes meanwhile is owed too. It is kept at hand, so that the end is reached in one turn: a reader
 * that came back from the log would find new ones each time.
 */
export class CatchUps {
  readonly #ports: CatchUpPorts
  readonly #passes = new Map<Loop, CatchUp>()

  constructor(ports: CatchUpPorts) {
    this.#ports = ports
  }

  /**
   * Who is owed what may have changed: begins at the first place that is owed. Whatever was under
   * way is called off, or it would pass by what lies before the place where it stands.
   */
  begin(loop: Loop): void {
    this.end(loop)
    if (loop.state !== 'leading' || !owed(loop.partition)) return
    const one = new CatchUp(this.#ports, loop)
    this.#passes.set(loop, one)
    one
      .run()
      .catch((cause: unknown) => this.#ports.failed(cause))
      .finally(() => {
        if (this.#passes.get(loop) === one) this.#passes.delete(loop)
      })
  }

  end(loop: Loop): void {
    this.#passes.get(loop)?.close()
    this.#passes.delete(loop)
  }

  /** An event came that is owed to somebody behind what is being read. */
  keep(loop: Loop, item: HeldItem): void {
    this.#passes.get(loop)?.keep(item)
  }

  close(): void {
    for (const loop of this.#passes.keys()) this.end(loop)
  }
}

/** One partition's, until nothing is owed or who is owed what has changed. */
class CatchUp {
  readonly #ports: CatchUpPorts
  readonly #loop: Loop
  readonly #stop = new AbortController()
  #tail: HeldItem[] = []
  #tailBytes = 0
  /** False: something that came meanwhile is not in it. */
  #isWhole = true
  #doubts = 0

  constructor(ports: CatchUpPorts, loop: Loop) {
    this.#ports = ports
    this.#loop = loop
  }

  close(): void {
    this.#stop.abort()
  }

  keep(item: HeldItem): void {
    if (!this.#isWhole) return
    this.#tail.push(item)
    this.#tailBytes += item.bytes.length
    if (this.#tail.length <= tailMax && this.#tailBytes <= tailBytesMax) return
    this.#empty(false)
  }

  async run(): Promise<void> {
    for (let stretch = this.#next(); stretch; stretch = this.#next()) {
      this.#empty(true)
      const found = await this.#read(stretch)
      if (!found || this.#stop.signal.aborted) continue
      const rest = this.#next()
      // Its last event is one that is owed: had it been there, this would have moved on.
      if (rest && same(rest.from, stretch.from)) this.#lose(rest, 'what was held is not there')
      else await this.#offer(this.#takeTail())
    }
  }

  #next(): Stretch | undefined {
    const { partition, state } = this.#loop
    if (this.#stop.signal.aborted || state !== 'leading') return undefined
    return owed(partition)
  }

  #empty(isWhole: boolean): void {
    this.#tail = []
    this.#tailBytes = 0
    this.#isWhole = isWhole
  }

  /** False: the log has to be asked once more. */
  async #read(stretch: Stretch): Promise<boolean> {
    const { clock } = this.#ports
    const { signal } = this.#stop
    try {
      if (await this.#reach(stretch)) return true
    } catch (cause) {
      if (signal.aborted) return false
      this.#note(stretch, cause)
    }
    await sleepUntil(clock, clock.now() + reopenMs, signal)
    return false
  }

  async #reach(stretch: Stretch): Promise<boolean> {
    const last = await this.#ports.log.last(stretch.stream, this.#subject)
    if ((last?.seq ?? 0) >= stretch.to[0]) {
      await this.#follow(stretch)
      this.#doubts = 0
      return true
    }
    this.#doubt(stretch, `ends at ${last?.seq ?? 0}`)
    return false
  }

  #note(stretch: Stretch, cause: unknown): void {
    if (cause instanceof PositionLost) this.#doubt(stretch, `begins at ${cause.firstSeq}`)
    else if (!(cause instanceof LogFault) || cause.kind !== 'retryable') throw cause
  }

  async #follow({ stream, from, to }: Stretch): Promise<void> {
    const range = { stream, subjects: [this.#subject], fromSeq: Math.max(1, from[0]) }
    await using reader = this.#ports.log.follow(range, this.#stop.signal)
    reader.grant(ahead)
    for await (const stored of reader) {
      if (this.#stop.signal.aborted) return
      if (stored.seq <= to[0]) await this.#offer(this.#takeMessage(stored))
      if (stored.seq >= to[0] || !this.#next()) return
      reader.grant({ messages: 1, bytes: stored.bytes.length })
    }
  }

  get #subject(): string {
    return this.#ports.lane.subject(this.#loop.slot)
  }

  /** Resolves when it is taken, or nobody wants it any more. */
  #offer(take: Offer['take']): Promise<void> {
    const { turns } = this.#ports
    const { signal } = this.#stop
    const { promise, resolve } = Promise.withResolvers<void>()
    const offer = { take, taken: resolve }
    const withdraw = (): void => {
      turns.withdraw(offer)
      resolve()
    }
    signal.addEventListener('abort', withdraw, { once: true })
    if (signal.aborted) withdraw()
    else turns.offer(offer)
    return promise.finally(() => signal.removeEventListener('abort', withdraw))
  }

  #takeMessage(stored: Stored): Offer['take'] {
    let opened: Opened | undefined
    let index = 0
    let item: HeldItem | undefined
    return (go) => {
      opened ??= this.#open(stored)
      for (; index < opened.items.length && this.#next(); index++) {
        item ??= this.#itemAt(opened, index)
        if (item && !this.#give(item, go)) return false
        item = undefined
      }
      return true
    }
  }

  #takeTail(): Offer['take'] {
    let index = 0
    return (go) => {
      for (let item = this.#tail[index]; item && this.#next(); item = this.#tail[++index]) {
        if (!this.#give(item, go)) return false
      }
      return true
    }
  }

  /** False: there is no room for it. */
  #give(item: HeldItem, go: () => boolean): boolean {
    const { stream, seq, index } = item.place
    const holders = holdersOf(this.#loop.partition, [seq, index], item.event.type)
    const missing = Math.max(0, ...holders.map((one) => one.missing))
    if (missing > 0) this.#lose({ stream, from: [seq, index] }, `${missing} events are gone`)
    if (holders.length === 0 || missing > 0) return true
    if (!go()) return false
    this.#loop.give(item, holders)
    return true
  }

  /** A message that nobody could read when it came: nobody is owed anything of it. */
  #open({ seq, bytes }: Stored): Opened {
    const hash = this.#loop.partition.hash.bytes(bytes)
    try {
      return { seq, hash, items: decodeBatch(bytes) }
    } catch {
      return { seq, hash, items: [] }
    }
  }

  /**
   * Looked at when its turn has come, not before: a run may end in the middle of a message, and who
   * is owed what lies behind that is known once those before it are given.
   */
  #itemAt({ seq, hash, items }: Opened, index: number): HeldItem | undefined {
    const { partition } = this.#loop
    const bytes = items[index]
    if (!bytes || owedTo(partition, partition.held.keys(), [seq, index]).length === 0) return
    const place = { stream: this.#ports.lane.position, seq, index, hash }
    try {
      return { place, bytes, event: readEvent(partition, bytes) }
    } catch {
      return undefined
    }
  }

  #doubt(stretch: Stretch, why: string): void {
    this.#doubts += 1
    if (this.#doubts >= doubtsMax) this.#lose(stretch, why)
  }

  #lose({ stream, from }: Pick<Stretch, 'stream' | 'from'>, why: string): void {
    this.close()
    const [seq] = from
    this.#ports.lost(this.#loop, new InputLost(stream, seq, 'purged', `held since a pause, ${why}`))
  }
}

interface Opened {
  readonly seq: number
  readonly hash: string
  readonly items: readonly Uint8Array[]
}

const same = (a: Where, b: Where): boolean => a[0] === b[0] && a[1] === b[1]
