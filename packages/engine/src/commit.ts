import {
  limits as coreLimits,
  RULES,
  type Effect,
  type Frozen,
  type Partition,
  type Stepped,
} from '@waybill/core'
import {
  BUNDLE_VERSION,
  encodeBundle,
  LogFault,
  type AppendOutcome,
  type BundleHeader,
  type EventLog,
} from '@waybill/log'
import { sleepUntil, type Clock } from './clock.ts'
import type { Room } from './room.ts'

/** The last acknowledged bundle of a journal; `seq` and `number` are 0 before the first. */
export interface JournalHead {
  readonly seq: number
  readonly number: number
  readonly hash: string | undefined
}

/** A bundle that the log has. */
export interface Committed {
  readonly seq: number
  readonly hash: string
  readonly header: BundleHeader
  readonly bytes: Uint8Array
  readonly entries: readonly Uint8Array[]
  readonly effects: readonly Effect[]
  /** The state after this bundle, when `freeze` wanted it. */
  readonly frozen: Frozen | undefined
  /** From the append to its acknowledgement. */
  readonly ms: number
}

export interface CommitPorts {
  readonly log: EventLog
  readonly partition: Partition
  readonly subject: string
  readonly instance: string
  readonly head: JournalHead
  /** The process of the server that told what this partition builds upon. */
  readonly session: string
  readonly bundleBytesMax: number
  readonly room: Room
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Asked at every border of a bundle: is this state wanted? */
  freeze(): Frozen | undefined
  /**
   * Another process of the server answers: does it have this bundle, and what is read up to here?
   * Asked of what the log has and of what was read since: in between others may have filled up the
   * places of what is gone.
   */
  stands(head: JournalHead, ...read: readonly Positions[]): Promise<boolean>
  stored(bundle: Committed): void
  /** Somebody else's bundle is the last one: this partition is theirs. */
  conflict(lastSeq: number): void
  /** The server forgot what this partition has read or written: from its journal once again. */
  forgotten(): void
  /** It could not be stored for now: the log is full, or does not answer. It is tried again. */
  delayed(cause: unknown): void
  failed(cause: unknown): void
}

type Positions = BundleHeader['positions']

interface Draft {
  readonly entries: Uint8Array[]
  readonly effects: Effect[]
  bytes: number
}

interface Sealed {
  readonly draft: Draft
  readonly epoch: number
  readonly positions: Positions
  readonly checkpoint: BundleHeader['checkpoint']
  readonly frozen: Frozen | undefined
}

/** Header and framing; the positions are a few hundred bytes. */
const headerBytes = 16 * 1024
const retryMsMin = 50
const retryMsMax = 5000

const emptyDraft = (): Draft => ({ entries: [], effects: [], bytes: 0 })

/**
 * Group commit without a timer. One bundle is on its way at a time; what is stepped meanwhile
 * gathers and is the next one. So an idle partition commits at once, and a busy one shares.
 */
export class Committer {
  readonly #ports: CommitPorts
  readonly #draftBytesMax: number
  readonly #sealed: Sealed[] = []
  #draft = emptyDraft()
  #flying: Draft | undefined
  #head: JournalHead
  #session: string
  /** Of the last acknowledged bundle. */
  #positions: Positions
  /** The newest one before the draft: what its header names. */
  #checkpoint: BundleHeader['checkpoint']
  #closed = false
  #added = 0
  #stored = 0

  constructor(ports: CommitPorts) {
    const { log, bundleBytesMax, head, session, partition } = ports
    this.#ports = ports
    this.#head = head
    this.#session = session
    this.#positions = Object.fromEntries(partition.positions)
    this.#checkpoint = partition.checkpoint
    const bytesMax = Math.min(bundleBytesMax, log.messageBytesMax)
    this.#draftBytesMax = bytesMax - headerBytes - coreLimits.entryBytesMax
  }

  /** The last acknowledged bundle. */
  get head(): JournalHead {
    return this.#head
  }

  /** Nothing gathered, nothing on its way. */
  get idle(): boolean {
    return !this.#flying && this.#sealed.length === 0 && this.#draft.entries.length === 0
  }

  /** Entries taken so far, and how many of them the log has. */
  get added(): number {
    return this.#added
  }
  get stored(): number {
    return this.#stored
  }

  add({ bytes, entry }: Stepped): void {
    const draft = this.#draft
    this.#added += 1
    const { room } = this.#ports
    draft.entries.push(bytes)
    draft.bytes += bytes.length
    for (const effect of entry.effects) draft.effects.push(effect)
    room.entries += 1
    room.bytes += bytes.length
    if (draft.bytes > this.#draftBytesMax) this.#seal()
  }

  /** Appends what gathered, unless a bundle is on its way: then it goes when that one is in. */
  flush(): void {
    if (this.#flying || this.#closed) return
    if (this.#sealed.length === 0 && this.#draft.entries.length > 0) this.#seal()
    const next = this.#sealed.shift()
    if (next) this.#append(next).catch((cause: unknown) => this.#ports.failed(cause))
  }

  /** Takes nothing any more; what is on its way is not waited for. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const { draft } of this.#sealed) this.#leave(draft)
    if (this.#flying) this.#leave(this.#flying)
    this.#leave(this.#draft)
  }

  /** Closes the draft at this very state: the header says how far it has read. */
  #seal(): void {
    const { partition, freeze } = this.#ports
    this.#sealed.push({
      draft: this.#draft,
      epoch: partition.epoch.number,
      positions: Object.fromEntries(partition.positions),
      checkpoint: this.#checkpoint,
      frozen: freeze(),
    })
    this.#checkpoint = partition.checkpoint
    this.#draft = emptyDraft()
  }

  async #append(next: Sealed): Promise<void> {
    const { log, conflict, forgotten, stored } = this.#ports
    const { draft, frozen } = next
    this.#flying = draft
    const header = this.#headerOf(next)
    const bytes = encodeBundle(header, draft.entries)
    const hash = log.hash.bytes(bytes)
    const began = performance.now()
    const outcome = await this.#appendUntilDecided(bytes)
    if (this.#closed || !outcome) return
    this.#leave(draft)
    this.#flying = undefined
    if (outcome.kind === 'conflict') return conflict(outcome.lastSeq)
    if (outcome.kind === 'restarted') return forgotten()
    const { seq } = outcome
    const ms = performance.now() - began
    this.#stored += draft.entries.length
    this.#head = { seq, number: header.number, hash }
    this.#positions = header.positions
    // The next one is on its way before the effects of this one begin.
    this.flush()
    const { entries, effects } = draft
    stored({ seq, hash, header, bytes, entries, effects, frozen, ms })
  }

  /**
   * Until it is stored or refused no other bundle may take its place, so it is this one again.
   * A server that was started anew may have forgotten the last things it acknowledged, and gives
   * their numbers to others: before anything is sent to it, it is looked at.
   */
  async #appendUntilDecided(bytes: Uint8Array): Promise<AppendOutcome | undefined> {
    const { log, partition, subject, signal, clock, stands, delayed } = this.#ports
    for (let attempt = 0; !this.#closed; attempt++) {
      try {
        const outcome = await log.append(subject, bytes, this.#head.seq, {
          signal,
          session: this.#session,
        })
        if (outcome.kind !== 'restarted') return outcome
        const session = log.session()
        const stepped = Object.fromEntries(partition.positions)
        if (!(await stands(this.#head, this.#positions, stepped))) return outcome
        this.#session = session
      } catch (cause) {
        if (!isPassing(cause) || signal.aborted) throw cause
        delayed(cause)
        const delayMs = Math.min(retryMsMax, retryMsMin * 2 ** attempt)
        await sleepUntil(clock, clock.now() + delayMs, signal)
      }
    }
    return undefined
  }

  #headerOf({ epoch, positions, checkpoint }: Sealed): BundleHeader {
    const { app, generation, slot } = this.#ports.partition
    const { number, hash: prev } = this.#head
    const { instance } = this.#ports
    const place = { rules: RULES, app, generation, slot, epoch, number: number + 1 }
    return { v: BUNDLE_VERSION, ...place, prev, instance, positions, checkpoint }
  }

  #leave({ entries, bytes }: Draft): void {
    const { room } = this.#ports
    room.entries -= entries.length
    room.bytes -= bytes
  }
}

const isPassing = (cause: unknown): boolean =>
  cause instanceof LogFault && cause.kind === 'retryable'
