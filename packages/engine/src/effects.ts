import {
  encode,
  manifestOf,
  normaliseThrown,
  type Dispatch,
  type Effect,
  type EffectKind,
  type EffectOf,
  type EffectResult,
  type Entry,
  type EventDraft,
  type HostedApp,
  type Manifest,
  type Partition,
  type WaybillEvent,
} from '@waybill/core'
import { LogUnavailable } from '@waybill/log'
import { eventLost, factsOf, placesOf, type Asking } from './asking.ts'
import { Attempt, type AbortReason } from './attempt.ts'
import type { Clock } from './clock.ts'
import type { EventPlace } from './fetch.ts'
import type { Handlers } from './handlers/index.ts'
import type { Payloads } from './payloads.ts'
import { placesFor } from './placing.ts'
import type { Room } from './room.ts'

export interface EffectPorts {
  readonly partition: Partition
  readonly app: HostedApp<AbortSignal>
  readonly handlers: Handlers
  readonly payloads: Payloads
  readonly clock: Clock
  readonly room: Room
  /** Of the topology. */
  readonly slots: number
  /** Reads an event from the log again; undefined: it is not there any more. */
  readonly fetch: (place: EventPlace) => Promise<WaybillEvent | undefined>
  /** Stores an event that a handler sends. */
  readonly store: (attempt: Attempt, draft: EventDraft, ordinal: number) => Promise<string>
  readonly reply: (effect: EffectOf<'reply'>) => void
  /** Puts letters to other partitions into their mailboxes; `posted` is the result. */
  readonly sendLetters: (effect: EffectOf<'sendLetters'>) => void
  /** Brings a result back into the partition. */
  readonly result: (effect: string, result: EffectResult) => void
  readonly defect: (cause: unknown) => void
  /** There is room again: what waits for it may go on. */
  readonly freed: () => void
}

/** Kinds of effect that keep a place until their result is in. */
export const asks = (kind: EffectKind): kind is Asking =>
  kind === 'runAttempt' || kind === 'evaluatePredicate'

type Carry = (effect: Effect, seq: number) => void
type Carriers = { readonly [K in EffectKind]: (effect: EffectOf<K>, seq: number) => void }

/** Carries out what committed entries ask for, and brings back what came of it. */
export class Effects {
  readonly #ports: EffectPorts
  /** By dispatch: a dispatch runs one thing at a time. */
  readonly #running = new Map<string, Attempt>()
  #hot = 0
  #held = false
  #abandoned = false

  readonly #carriers: Carriers = {
    runAttempt: (effect, seq) =>
      this.#begin(effect, seq, (binding, attempt) => {
        const task = { attempt, binding, alone: effect.alone, settle: this.#settle }
        this.#ports.handlers[binding.handler.kind].start(task)
      }),
    evaluatePredicate: (effect, seq) =>
      this.#begin(effect, seq, (binding, attempt) => this.#judge(binding, attempt)),
    abortAttempt: ({ dispatch, attempt: number, reason }) => {
      const attempt = this.#running.get(dispatch)
      if (attempt?.attempt === number) this.#stop(attempt, reason)
    },
    reply: (effect) => this.#ports.reply(effect),
    sendLetters: (effect) => this.#ports.sendLetters(effect),
  }

  constructor(ports: EffectPorts) {
    this.#ports = ports
  }

  /** Asked for and not over. */
  get hot(): number {
    return this.#hot
  }

  /** Right after the step: counts what it asks for, calls off what it ended. */
  note({ effects, facts, input }: Entry): void {
    for (const { kind } of effects) if (asks(kind)) this.#count(1)
    if (input.kind === 'result' || input.kind === 'event' || input.kind === 'held') return
    // A judgement is told by no effect that its time is over.
    for (const fact of facts) if (fact.kind === 'transition') this.#stopJudging(fact.dispatch)
  }

  /** Once the entry is in the log, at this sequence. */
  carry(effect: Effect, seq: number): void {
    // A typed registry: TypeScript cannot see that the carrier is the one for this very effect.
    const carrier = this.#carriers[effect.kind] as Carry
    carrier(effect, seq)
  }

  /** From now on nothing begins; what is asked for is given back without an attempt spent. */
  hold(): void {
    this.#held = true
  }

  /** Ends what runs, without an attempt spent. */
  park(): void {
    for (const attempt of this.#running.values()) {
      this.#stop(attempt, 'parked')
      this.#ports.result(attempt.facts.effect, { status: 'parked' })
    }
  }

  /** Ends what runs and forgets all of it: the partition is not ours any more. */
  abandon(): void {
    this.#abandoned = true
    for (const attempt of this.#running.values()) this.#stop(attempt, 'fenced')
    this.#count(-this.#hot)
  }

  #count(by: number): void {
    this.#hot += by
    this.#ports.room.hot += by
    if (by < 0) this.#ports.freed()
  }

  #begin(
    effect: EffectOf<Asking>,
    seq: number,
    run: (binding: Manifest, attempt: Attempt) => void,
    read?: readonly WaybillEvent[],
  ): void {
    if (this.#abandoned) return
    const { partition, store, clock } = this.#ports
    const dispatch = partition.dispatches.get(effect.dispatch)
    // Decided otherwise while the entry was on its way to the log.
    if (!dispatch || dispatch.record.effect !== effect.id) return this.#count(-1)
    const binding = manifestOf(partition, dispatch.origin.binding)
    const obstacle = this.#obstacle(binding)
    if (obstacle) return this.#answer(effect.id, { status: obstacle })
    const events = read ?? this.#eventsAtHand(dispatch, effect)
    const [event] = events ?? []
    if (!events || !event) {
      void this.#refetch(dispatch, effect, (found) => this.#begin(effect, seq, run, found))
      return
    }
    const when = { seq, startedAt: clock.now() }
    const batch = events.length > 1 ? events : undefined
    const facts = { ...factsOf(dispatch, binding, effect), ...when, event, batch }
    const attempt = new Attempt(facts, store)
    this.#running.set(dispatch.id, attempt)
    run(binding, attempt)
  }

  #obstacle({ hash }: Manifest): 'parked' | 'unhosted' | undefined {
    if (this.#held) return 'parked'
    return this.#ports.app.hosts(hash) ? undefined : 'unhosted'
  }

  /** Undefined: something of it has to be read again. The members of a batch always have. */
  #eventsAtHand(
    dispatch: Dispatch,
    { kind }: EffectOf<Asking>,
  ): readonly WaybillEvent[] | undefined {
    if (kind === 'runAttempt' && dispatch.batch) return undefined
    const event = this.#ports.payloads.find(dispatch.origin)
    return event && [event]
  }

  #judge(binding: Manifest, attempt: Attempt): void {
    const { app, clock, partition } = this.#ports
    const { dispatch, event, startedAt } = attempt.facts
    const elapsed = (): number => Math.max(0, clock.now() - startedAt)
    // What runs again was let in once: it asks for the keys of limits that it had not met (rule 11).
    const isAgain = partition.dispatches.get(dispatch)?.origin.rerunOf !== undefined
    const judgement = isAgain ? letIn : app.judge(binding, event, attempt.signal)
    judgement.then(
      ({ matched, reason }) => {
        const cut = reason?.slice(0, reasonMax)
        const judged = { status: 'judged', matched, reason: cut, ms: elapsed() } as const
        this.#settle(attempt, matched ? this.#placed(binding, attempt, judged) : judged)
      },
      (cause: unknown) => {
        const error = normaliseThrown(cause)
        this.#settle(attempt, { status: 'failed', error, sent: [], ms: elapsed() })
      },
    )
  }

  /** The keys that could not be told when the event was read: the code is here now. */
  #placed(
    binding: Manifest,
    { facts: { dispatch, event } }: Attempt,
    judged: Extract<EffectResult, { status: 'judged' }>,
  ): EffectResult {
    const { partition } = this.#ports
    if (!binding.flow || partition.dispatches.get(dispatch)?.limits) return judged
    const places = placesFor(this.#ports, binding, event, encode(event).length)
    if (places?.ok) return { ...judged, limits: places.limits }
    return {
      ...judged,
      matched: false,
      reason: `predicate.error: key: ${places?.reason ?? 'no code'}`,
    }
  }

  async #refetch(
    dispatch: Dispatch,
    effect: EffectOf<Asking>,
    found: (events: readonly WaybillEvent[]) => void,
  ): Promise<void> {
    try {
      const places = placesOf(dispatch)
      const events = await Promise.all(places.map((place) => this.#ports.fetch(place)))
      const here = events.filter((event) => event !== undefined)
      if (here.length === places.length) found(here)
      else {
        const error = eventLost(dispatch.origin.event, places[events.indexOf(undefined)])
        this.#answer(effect.id, { status: 'failed', error, sent: [], ms: 0 })
      }
    } catch (cause) {
      // Not the handler's doing, so no attempt is spent; the next one reads it again.
      if (cause instanceof LogUnavailable) this.#answer(effect.id, { status: 'parked' })
      else this.#ports.defect(cause)
    }
  }

  /** For what did not run. */
  #answer(effect: string, result: EffectResult): void {
    if (this.#abandoned) return
    this.#count(-1)
    this.#ports.result(effect, result)
  }

  readonly #settle = (attempt: Attempt, result: EffectResult): void => {
    const { effect, dispatch, event } = attempt.facts
    const { partition, payloads } = this.#ports
    if (attempt.over) {
      // It did happen, though nobody waited any more: worth a note. Its failures are the abort's.
      if (result.status === 'succeeded') this.#ports.result(effect, result)
      return
    }
    attempt.over = true
    this.#running.delete(dispatch)
    this.#count(-1)
    this.#ports.result(effect, result)
    if (!partition.dispatches.has(dispatch)) payloads.drop(event.id)
  }

  #stopJudging(dispatch: string): void {
    const attempt = this.#running.get(dispatch)
    if (attempt && !attempt.facts.handler) this.#stop(attempt, 'timeout')
  }

  #stop(attempt: Attempt, reason: AbortReason): void {
    const { dispatch, handler } = attempt.facts
    this.#running.delete(dispatch)
    this.#count(-1)
    if (handler) this.#ports.handlers[handler].abort(attempt, reason)
    else attempt.abort(reason)
  }
}

const letIn: ReturnType<HostedApp['judge']> = Promise.resolve({ matched: true })

const reasonMax = 1024
