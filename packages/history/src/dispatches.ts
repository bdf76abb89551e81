import {
  isFinal,
  type Effect,
  type Entry,
  type Fact,
  type Place,
  type Transition,
} from '@waybill/core'

/** What is known of a dispatch that has not ended. */
export interface KnownDispatch {
  /** sha-256 of the entry with its latest transition. */
  readonly head: string
  readonly last: Transition
  /** `<id>@v<n>`; undefined: its first transition is not kept. */
  readonly binding: string | undefined
  /** The effect that was asked for and has no answer. */
  readonly asked: string | undefined
  /** Where the ledgers of its limits are. */
  readonly places: readonly Place[] | undefined
}

/** All dispatches of a partition, as their own facts tell: no machine is asked. */
export interface Dispatches {
  readonly started: number
  readonly open: ReadonlyMap<string, KnownDispatch>
  /** Ended ones, to know them when they move again. */
  readonly gone: ReadonlySet<string>
  /** Final state -> how many. */
  readonly ended: ReadonlyMap<string, number>
}

export class DispatchFold implements Dispatches {
  started = 0
  readonly open = new Map<string, KnownDispatch>()
  readonly gone = new Set<string>()
  readonly ended = new Map<string, number>()

  /** @param hash sha-256 of the entry */
  take(fact: Fact, entry: Entry, hash: string): void {
    if (fact.kind === 'transition') this.#move(fact, entry, hash)
    else if (fact.kind === 'dispatch.quarantined') this.#end(fact.dispatch, 'dlq')
  }

  #move(fact: Transition, { effects }: Entry, head: string): void {
    const { dispatch, index, to, origin, event } = fact
    if (this.gone.has(dispatch)) return
    if (index === 0) this.started += 1
    if (isFinal(to)) return this.#end(dispatch, to)
    const before = this.open.get(dispatch)
    const binding = origin?.binding ?? before?.binding
    const places = ('limits' in event ? event.limits : undefined) ?? before?.places
    const asked = askedIn(effects, dispatch)
    this.open.set(dispatch, { head, last: fact, binding, asked, places })
  }

  #end(dispatch: string, state: string): void {
    if (this.gone.has(dispatch)) return
    this.open.delete(dispatch)
    this.gone.add(dispatch)
    this.ended.set(state, (this.ended.get(state) ?? 0) + 1)
  }
}

function askedIn(effects: readonly Effect[], dispatch: string): string | undefined {
  return effects.find(
    (effect) =>
      (effect.kind === 'runAttempt' || effect.kind === 'evaluatePredicate') &&
      effect.dispatch === dispatch,
  )?.id
}
