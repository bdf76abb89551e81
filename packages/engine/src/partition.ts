import {
  isFinal,
  nextDue,
  step,
  type EffectResult,
  type Entry,
  type Frozen,
  type Holder,
  type HostedApp,
  type Input,
  type InputRef,
  type Partition,
  type WaybillEvent,
} from '@waybill/core'
import type { EventLog } from '@waybill/log'
import type { Clock } from './clock.ts'
import { Committer, type Committed, type CommitPorts, type JournalHead } from './commit.ts'
import type { Effects } from './effects.ts'
import { takeHeld, takeItem, type HeldItem } from './intake.ts'
import type { LaneName } from './lanes.ts'
import type { HostLimits } from './limits.ts'
import type { Payloads } from './payloads.ts'
import { hasRoom, type Room } from './room.ts'

/**
 * - `opening`: its first bundle, the epoch, is not acknowledged
 * - `leading`: takes inputs
 * - `draining`: takes answers to what it asked for, nothing else
 * - `closed`, `fenced` (another host leads), `halted` (must not go on): takes nothing
 */
export type LoopState = 'opening' | 'leading' | 'draining' | 'closed' | 'fenced' | 'halted'

export interface LoopPorts {
  readonly log: EventLog
  readonly partition: Partition
  readonly head: JournalHead
  readonly session: string
  readonly subject: string
  readonly app: HostedApp<AbortSignal>
  /** Of the topology. */
  readonly slots: number
  readonly instance: string
  readonly clock: Clock
  readonly limits: HostLimits
  readonly room: Room
  readonly payloads: Payloads
  readonly signal: AbortSignal
  readonly createEffects: (result: (effect: string, result: EffectResult) => void) => Effects
  /** Asked at every border of a bundle. */
  freeze(): Frozen | undefined
  /** It has something to do at the end of this turn. */
  touched(loop: Loop): void
  /** It has something to do, after others had theirs. */
  again(loop: Loop): void
  /** Its timers are due and there is no room: it comes first when there is. */
  held(loop: Loop): void
  committed(loop: Loop, bundle: Committed): void
  stepped(entry: Entry): void
  /** An event was held back from a binding. */
  kept(loop: Loop, item: HeldItem): void
  stands: CommitPorts['stands']
  fenced(loop: Loop, lastSeq: number): void
  /** The server forgot what this partition builds upon. */
  forgotten(loop: Loop): void
  delayed(loop: Loop, cause: unknown): void
  /** A mistake of ours, or a log that refuses for good. */
  failed(loop: Loop, cause: unknown): void
}

/** The life of one partition in one host, from its epoch to the loss of its lease. */
export class Loop {
  readonly partition: Partition
  readonly effects: Effects
  readonly #ports: LoopPorts
  readonly #committer: Committer
  #waiting: readonly Waiting[] = []
  #state: LoopState = 'opening'
  #wake: { readonly at: number; readonly cancel: () => void } | undefined
  #proof: (() => void) | undefined

  constructor(ports: LoopPorts) {
    this.#ports = ports
    this.partition = ports.partition
    this.effects = ports.createEffects((effect, result) => {
      this.feed({ kind: 'result', effect, result })
    })
    this.#committer = new Committer({
      ...ports,
      freeze: () => ports.freeze(),
      bundleBytesMax: ports.limits.bundleBytesMax,
      stored: (bundle) => this.#stored(bundle),
      conflict: (lastSeq) => ports.fenced(this, lastSeq),
      forgotten: () => ports.forgotten(this),
      delayed: (cause) => ports.delayed(this, cause),
      failed: (cause) => ports.failed(this, cause),
    })
  }

  get slot(): number {
    return this.partition.slot
  }
  get state(): LoopState {
    return this.#state
  }
  /** The last acknowledged bundle. */
  get head(): JournalHead {
    return this.#committer.head
  }
  /** Entries stepped and not in the log. */
  get uncommitted(): number {
    return this.#committer.added - this.#committer.stored
  }
  get #open(): boolean {
    return this.#state === 'leading' || this.#state === 'draining' || this.#state === 'opening'
  }
  get #atRest(): boolean {
    return this.effects.hot === 0 && this.#committer.idle
  }

  feed(input: Input): Entry | undefined {
    if (!this.#open) return undefined
    const { clock, stepped, touched, failed } = this.#ports
    try {
      const taken = step(this.partition, input, clock.now())
      this.effects.note(taken.entry)
      this.#committer.add(taken)
      stepped(taken.entry)
      touched(this)
      return taken.entry
    } catch (cause) {
      failed(this, cause)
      return undefined
    }
  }

  /** Takes one item of a message. */
  take(lane: LaneName, ref: InputRef, bytes: Uint8Array): void {
    const { input, event } = takeItem(this.partition, this.#ports, lane, ref, bytes)
    const entry = this.feed(input)
    if (!event || !entry) return
    this.#keep(entry, event, ref, bytes.length)
    // Told only where it is held back.
    if (input.kind === 'event' && input.bytes !== undefined) {
      this.#ports.kept(this, { place: ref, bytes, event })
    }
  }

  /** Gives an event to bindings from which a pause held it back. */
  give(item: HeldItem, holders: readonly Holder[]): void {
    const entry = this.feed(takeHeld(this.partition, this.#ports, item, holders))
    if (entry) this.#keep(entry, item.event, item.place, item.bytes.length)
  }

  /** For the attempts that are about to need it. */
  #keep(entry: Entry, event: WaybillEvent, at: InputRef, size: number): void {
    const uses = started(entry)
    const { stream, seq, index } = at
    if (uses > 0) this.#ports.payloads.keep(event, { stream, seq, index, size, uses })
  }

  /** Fires what is due and commits what gathered; called by the host, at the end of a turn. */
  turn(): void {
    this.fire()
    this.#committer.flush()
    this.#wakeWaiting()
  }

  /** Fires what is due, if there is room for what it may start. */
  fire(): void {
    if (this.#state === 'leading') this.#tick()
  }

  /** Begins nothing any more. */
  hold(): void {
    this.#prove()
    if (this.#state === 'leading') this.#state = 'draining'
    this.effects.hold()
  }

  /** Resolves when its first bundle is in, or it was lost before. */
  opened(): Promise<void> {
    return this.#until(() => this.#state !== 'opening')
  }

  /** Resolves when all that is stepped by now is in the log, or it was lost on the way. */
  confirmed(): Promise<void> {
    const mark = this.#committer.added
    return this.#until(() => this.#committer.stored >= mark)
  }

  /** Resolves when nothing runs and all is committed, or it was lost on the way. */
  drained(): Promise<void> {
    return this.#until(() => this.#atRest)
  }

  /** Stops at once, whatever is under way. */
  close(as: 'closed' | 'fenced' | 'halted'): void {
    if (!this.#open) return
    this.#state = as
    this.#wake?.cancel()
    this.#proof?.()
    this.effects.abandon()
    this.#committer.close()
    this.#wakeWaiting()
  }

  #stored(bundle: Committed): void {
    if (this.#state === 'opening') this.#lead()
    for (const effect of bundle.effects) {
      if (this.#open) this.effects.carry(effect, bundle.seq)
    }
    this.#ports.committed(this, bundle)
    this.#wakeWaiting()
  }

  #lead(): void {
    const { clock, limits } = this.#ports
    this.#state = 'leading'
    if (this.partition.epoch.barren === 0) return
    this.#proof = clock.wake(clock.now() + limits.leaseMs, () => this.#prove())
  }

  /**
   * An epoch that ends without an input taken makes the next input a suspect. If it was in good
   * health and there was nothing to take, that has to stand in the journal.
   */
  #prove(): void {
    const { taken, epoch } = this.partition
    if (this.#state === 'leading' && taken === 0 && epoch.barren > 0) this.feed({ kind: 'tick' })
  }

  #tick(): void {
    const { clock, limits, room, again, held } = this.#ports
    const due = nextDue(this.partition)
    if (due === undefined) return
    const now = clock.now()
    if (due > now) return this.#arm(due)
    // What is due may start work; while there is no room it waits, but not for ever: a handler that
    // hangs keeps its place until its own timer fires.
    if (!hasRoom(room, limits) && now - due < limits.tickHeldMsMax) {
      held(this)
      return this.#arm(due + limits.tickHeldMsMax)
    }
    this.feed({ kind: 'tick' })
    again(this)
  }

  #arm(at: number): void {
    if (this.#wake && this.#wake.at <= at) return
    this.#wake?.cancel()
    const cancel = this.#ports.clock.wake(at, () => {
      this.#wake = undefined
      this.#ports.touched(this)
    })
    this.#wake = { at, cancel }
  }

  #until(reached: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting = [...this.#waiting, { reached, resolve }]
    this.#wakeWaiting()
    return promise
  }

  #wakeWaiting(): void {
    if (this.#waiting.length === 0) return
    const ready = this.#waiting.filter(({ reached }) => !this.#open || reached())
    if (ready.length === 0) return
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one))
    for (const { resolve } of ready) resolve()
  }
}

/** Dispatches that will want the event of this entry. */
function started({ facts }: Entry): number {
  let count = 0
  for (const fact of facts) {
    if (fact.kind === 'transition' && fact.origin && !isFinal(fact.to)) count += 1
  }
  return count
}

interface Waiting {
  readonly reached: () => boolean
  readonly resolve: () => void
}
