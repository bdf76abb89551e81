import { isTaken, quarantineBytes, sharedApp } from '@waybill/core'
import {
  decodeBatch,
  LogFault,
  PositionLost,
  type EventLog,
  type Reader,
  type Stored,
} from '@waybill/log'
import { sleepUntil, type Clock } from './clock.ts'
import { InputLost } from './fault.ts'
import type { Lane } from './lanes.ts'
import type { HostLimits } from './limits.ts'
import type { Loop } from './partition.ts'

/** A message that its partition has not taken in whole. */
export interface Unread {
  readonly loop: Loop
  readonly lane: Lane
  readonly stored: Stored
  /** Opened when its turn comes; from then on `index` is the next item. */
  opened: Opened | undefined
  /** Another message stands where this partition stands: it cannot go on. */
  lost(cause: InputLost): void
}

interface Opened {
  /** sha-256 of the message, hex. */
  readonly hash: string
  readonly items: readonly Uint8Array[]
  index: number
}

export interface ReaderPorts {
  readonly log: EventLog
  readonly lane: Lane
  readonly clock: Clock
  readonly limits: HostLimits
  /** A message for one of the partitions; `release` once it is taken in whole. */
  deliver(unread: Unread): void
  /** Messages that nobody took yet are forgotten: they are about to be read again. */
  forget(): void
  /** What was to be read next is gone: these partitions cannot go on. */
  lost(loops: readonly Loop[], cause: PositionLost | InputLost): void
  failed(cause: unknown): void
}

/** One reader for all partitions of this host on one lane, each with its own position. */
export class LaneReader {
  readonly #ports: ReaderPorts
  #stop = new AbortController()
  #reader: Reader | undefined
  #owed = { messages: 0, bytes: 0 }

  constructor(ports: ReaderPorts) {
    this.#ports = ports
  }

  /** Reads for these partitions from now on; begins again at the lowest of their positions. */
  read(loops: readonly Loop[]): void {
    this.#stop.abort()
    this.#stop = new AbortController()
    this.#reader = undefined
    this.#ports.forget()
    if (loops.length === 0) return
    this.#follow(loops, this.#stop.signal).catch((cause: unknown) => this.#ports.failed(cause))
  }

  /** A message is taken in whole. Credit is given back in halves: a grant may be a request. */
  release({ bytes }: Stored): void {
    const { readAheadMessages, readAheadBytes } = this.#ports.limits
    const owed = this.#owed
    owed.messages += 1
    owed.bytes += bytes.length
    if (owed.messages * 2 < readAheadMessages && owed.bytes * 2 < readAheadBytes) return
    this.#owed = { messages: 0, bytes: 0 }
    this.#reader?.grant(owed)
  }

  close(): void {
    this.#stop.abort()
  }

  async #follow(loops: readonly Loop[], signal: AbortSignal): Promise<void> {
    const { log, lane, limits } = this.#ports
    const { stream } = lane
    try {
      const { firstSeq } = await log.info(stream)
      if (signal.aborted) return
      const fromSeq = Math.max(1, Math.min(...loops.map((loop) => startOf(loop, lane, firstSeq))))
      const subjects = [...new Set(loops.map(({ slot }) => lane.subject(slot)))]
      await using reader = log.follow({ stream, subjects, fromSeq }, signal)
      this.#reader = reader
      this.#owed = { messages: 0, bytes: 0 }
      reader.grant({ messages: limits.readAheadMessages, bytes: limits.readAheadBytes })
      const bySlot = new Map(loops.map((loop) => [loop.slot, loop]))
      for await (const stored of reader) {
        // What an old reader still holds in its hand may lie behind what was just forgotten: taken
        // now, it would carry the position past messages that are about to be read again.
        if (signal.aborted) return
        this.#deliver(stored, loops, bySlot)
      }
    } catch (cause) {
      if (!signal.aborted) await this.#recover(loops, cause, signal)
    }
  }

  #deliver(stored: Stored, loops: readonly Loop[], bySlot: ReadonlyMap<number, Loop>): void {
    const { lane } = this.#ports
    const slot = lane.slotOf(stored.subject)
    const loop = slot === undefined ? undefined : bySlot.get(slot)
    if (loop) return this.#deliverTo(loop, stored)
    if (slot === undefined) for (const one of loops) this.#deliverTo(one, stored)
    this.release(stored)
  }

  #deliverTo(loop: Loop, stored: Stored): void {
    const { lane, deliver, lost } = this.#ports
    deliver({ loop, lane, stored, opened: undefined, lost: (cause) => lost([loop], cause) })
  }

  async #recover(loops: readonly Loop[], cause: unknown, signal: AbortSignal): Promise<void> {
    const { lane, clock, lost } = this.#ports
    if (cause instanceof PositionLost) {
      const { firstSeq, lastSeq } = cause
      const gone = loops.filter((loop) => {
        const reached = loop.partition.positions.get(lane.position)?.seq ?? 0
        return startOf(loop, lane, firstSeq) < firstSeq || reached > lastSeq
      })
      if (gone.length > 0) return lost(gone, cause)
      // What was purged nobody here still wanted: read on where the stream begins now.
    } else if (!(cause instanceof LogFault) || cause.kind !== 'retryable') throw cause
    await sleepUntil(clock, clock.now() + reopenMs, signal)
    await this.#compare(loops)
    if (!signal.aborted) this.read(loops)
  }

  /** What was read may be gone, and its places taken by what is not for these partitions. */
  async #compare(loops: readonly Loop[]): Promise<void> {
    const { log, lane, lost } = this.#ports
    for (const loop of loops) {
      const { seq = 0, hash = '' } = loop.partition.positions.get(lane.position) ?? {}
      if (hash === '') continue
      const found = await log.get(lane.stream, seq).catch(() => undefined)
      if (found && log.hash.bytes(found.bytes) !== hash) lost([loop], rewritten(lane, seq))
    }
  }
}

const rewritten = ({ stream }: Lane, seq: number): InputLost =>
  new InputLost(stream, seq, 'rewritten', 'another message stands there')

const reopenMs = 1000
const lastIndex = 0x7fffffff

/** Where a partition reads on: the message it stands in, unless it is through with it. */
function startOf({ partition }: Loop, { position }: Lane, firstSeq: number): number {
  const at = partition.positions.get(position)
  if (!at) return firstSeq
  return at.index >= lastIndex ? at.seq + 1 : at.seq
}

/**
 * Has this partition anything to read here? Before its first deploy no event is its business, and
 * shared ledgers have no bindings at all.
 */
export const reads = ({ partition }: Loop, lane: Lane): boolean =>
  lane.name !== 'events' || (partition.definitions > 0 && partition.app !== sharedApp)

/**
 * Feeds what is left of a message, while `go` lets it.
 *
 * @returns whether it is taken in whole
 */
export function takeIn(unread: Unread, go: () => boolean): boolean {
  const { loop, lane, stored } = unread
  const reached = loop.partition.positions.get(lane.position)
  if (loop.state !== 'leading' || (reached && stored.seq < reached.seq)) return true
  if (!go()) return false
  unread.opened ??= open(unread)
  const { opened } = unread
  while (opened && opened.index < opened.items.length && loop.state === 'leading') {
    if (!go()) return false
    takeNext(unread, opened)
  }
  return true
}

function takeNext({ loop, lane, stored }: Unread, opened: Opened): void {
  const { hash, items } = opened
  const index = opened.index++
  const ref = { stream: lane.position, seq: stored.seq, index, hash }
  if (!isTaken(loop.partition, ref)) loop.take(lane.name, ref, items[index] ?? stored.bytes)
}

/** Undefined: it could not be opened, and that is recorded. */
function open({ loop, lane, stored, lost }: Unread): Opened | undefined {
  const { partition } = loop
  const { seq, bytes } = stored
  const hash = partition.hash.bytes(bytes)
  const reached = partition.positions.get(lane.position)
  if (reached?.seq === seq && reached.hash !== '' && reached.hash !== hash) {
    lost(rewritten(lane, seq))
    return undefined
  }
  if (lane.name === 'defs') return { hash, items: [bytes], index: 0 }
  try {
    return { hash, items: decodeBatch(bytes), index: 0 }
  } catch (cause) {
    const ref = { stream: lane.position, seq, index: 0, hash }
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : 'no batch'
    if (!isTaken(partition, ref)) loop.feed(quarantineBytes(partition.hash, reason, bytes, ref))
    return undefined
  }
}
