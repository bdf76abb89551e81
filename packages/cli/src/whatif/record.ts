import type {
  DefChange,
  DispatchOrigin,
  Effect,
  EffectResult,
  Entry,
  InputOf,
  Letter,
  PartitionId,
  Transition,
} from '@waybill/core'

/** What one attempt did, as far as the journal tells. */
export interface RecordedAttempt {
  readonly startedAt: number
  /** From its start to its result. */
  ms: number
  /** Undefined: it never answered (it ran into its time limit, was lost, or still runs). */
  result: EffectResult | undefined
}

export interface RecordedDispatch {
  readonly id: string
  readonly binding: string
  readonly event: string
  readonly startedAt: number
  /** Of its first attempt. */
  firstAttemptAt: number | undefined
  endedAt: number | undefined
  state: string
  outcome: Transition['record']['outcome']
  attempts: number
  readonly runs: RecordedAttempt[]
  /** Answers of a predicate that was an effect. */
  judged: { readonly ms: number; readonly result: EffectResult } | undefined
}

export interface RecordedEvent {
  readonly at: number
  readonly input: InputOf<'event'>
  /** The attempt that sent it, and how long after its start it came in. */
  sentBy?: { readonly dispatch: string; readonly run: number; readonly afterMs: number }
}

export interface RecordedPartition {
  readonly id: PartitionId
  readonly definitions: {
    readonly at: number
    readonly ref: InputOf<'def'>['ref']
    readonly change: DefChange
  }[]
  readonly events: RecordedEvent[]
  /** What clients asked for. */
  readonly letters: { readonly at: number; readonly input: InputOf<'letter'> }[]
  readonly dispatches: Map<string, RecordedDispatch>
  /** Events that a pause had held back, and that were given after it. */
  given: number
}

/** Gathers what a what-if needs of a journal, entry by entry. */
export class Recording {
  readonly record: RecordedPartition
  readonly #since: number
  /** Effects that were asked for -> the dispatch, and the place of the run among its runs. */
  readonly #asked = new Map<string, { readonly dispatch: string; readonly run: number }>()

  constructor(id: PartitionId, since: number) {
    this.#since = since
    this.record = { id, definitions: [], events: [], letters: [], dispatches: new Map(), given: 0 }
  }

  take(entry: Entry): void {
    const { at, input } = entry
    const { definitions } = this.record
    if (input.kind === 'def') definitions.push({ at, ref: input.ref, change: input.change })
    if (at >= this.#since) this.#takeInput(entry)
    for (const fact of entry.facts) if (fact.kind === 'transition') this.#takeMove(fact, at)
    for (const effect of entry.effects) this.#noteEffect(effect, at)
  }

  #takeInput({ at, input, facts }: Entry): void {
    const { events, letters } = this.record
    if (input.kind === 'event' && facts[0]?.kind === 'event.seen') events.push({ at, input })
    if (input.kind === 'letter' && isOfClient(input.letter)) letters.push({ at, input })
    if (input.kind === 'held') this.record.given += 1
    if (input.kind === 'result') this.#takeResult(at, input)
  }

  #takeResult(at: number, { effect, result }: InputOf<'result'>): void {
    const of = this.#asked.get(effect)
    const dispatch = of && this.record.dispatches.get(of.dispatch)
    if (!of || !dispatch) return
    if (result.status === 'judged' || (of.run < 0 && result.status === 'failed')) {
      dispatch.judged = { ms: Math.max(0, at - dispatch.startedAt), result }
      return
    }
    const run = dispatch.runs[of.run]
    if (!run || run.result) return
    run.ms = Math.max(0, at - run.startedAt)
    run.result = result
  }

  #takeMove({ dispatch, origin, to, record: now }: Transition, at: number): void {
    if (origin && at >= this.#since) {
      this.record.dispatches.set(dispatch, began(dispatch, origin, at))
    }
    const known = this.record.dispatches.get(dispatch)
    if (!known) return
    known.state = to
    known.attempts = now.attempt
    known.outcome = now.outcome
    if (now.attempt > 0) known.firstAttemptAt ??= at
    if (now.outcome) known.endedAt = at
  }

  #noteEffect(effect: Effect, at: number): void {
    if (effect.kind === 'evaluatePredicate') {
      this.#asked.set(effect.id, { dispatch: effect.dispatch, run: -1 })
    }
    const known = effect.kind === 'runAttempt' && this.record.dispatches.get(effect.dispatch)
    if (!known) return
    this.#asked.set(effect.id, { dispatch: known.id, run: known.runs.length })
    known.runs.push({ startedAt: at, ms: 0, result: undefined })
  }
}

const began = (id: string, { binding, event }: DispatchOrigin, at: number): RecordedDispatch => ({
  id,
  binding,
  event,
  startedAt: at,
  firstAttemptAt: undefined,
  endedAt: undefined,
  state: 'received',
  outcome: undefined,
  attempts: 0,
  runs: [],
  judged: undefined,
})

const isOfClient = ({ from }: Letter): boolean => from.kind === 'client'

interface Sender {
  readonly dispatch: string
  readonly run: number
  readonly startedAt: number
}

/** Finds, for every event that a handler sent, the run that sent it. */
export function linkSent(partitions: readonly RecordedPartition[]): void {
  const dispatches = partitions.flatMap((one) => [...one.dispatches.values()])
  const senders = new Map(dispatches.flatMap(sendersIn))
  for (const event of partitions.flatMap(({ events }) => events)) {
    const sender = senders.get(event.input.head.id)
    if (!sender) continue
    const { dispatch, run, startedAt } = sender
    event.sentBy = { dispatch, run, afterMs: Math.max(0, event.at - startedAt) }
  }
}

const sendersIn = ({ id: dispatch, runs }: RecordedDispatch): (readonly [string, Sender])[] =>
  runs.flatMap(({ result, startedAt }, run) =>
    result && 'sent' in result
      ? result.sent.map((event) => [event, { dispatch, run, startedAt }] as const)
      : [],
  )
