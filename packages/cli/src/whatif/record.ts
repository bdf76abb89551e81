import type {
  DefChange,
  EffectResult,
  Entry,
  Fact,
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
  /** Of the last entry. */
  endsAt: number
}

/** Gathers what a what-if needs of a journal, entry by entry. */
export function createRecord(id: PartitionId, since: number) {
  const record: RecordedPartition = {
    id,
    definitions: [],
    events: [],
    letters: [],
    dispatches: new Map(),
    endsAt: 0,
  }
  /** Effects that were asked for -> the dispatch, and the place of the run among its runs. */
  const asked = new Map<string, { readonly dispatch: string; readonly run: number }>()

  function take(entry: Entry): void {
    const { at, input } = entry
    record.endsAt = Math.max(record.endsAt, at)
    if (input.kind === 'def') record.definitions.push({ at, ref: input.ref, change: input.change })
    if (at >= since) takeInput(entry)
    for (const fact of entry.facts) takeFact(fact, entry)
    noteEffects(entry)
  }

  function takeInput({ at, input, facts }: Entry): void {
    if (input.kind === 'event' && facts[0]?.kind === 'event.seen') record.events.push({ at, input })
    if (input.kind === 'letter' && isOfClient(input.letter)) record.letters.push({ at, input })
    if (input.kind === 'result') takeResult(at, input)
  }

  function takeResult(at: number, { effect, result }: InputOf<'result'>): void {
    const of = asked.get(effect)
    const dispatch = of && record.dispatches.get(of.dispatch)
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

  function takeFact(fact: Fact, { at }: Entry): void {
    if (fact.kind !== 'transition') return
    const { dispatch: key, origin, record: now } = fact
    if (origin && at >= since) {
      record.dispatches.set(key, {
        ...{ id: key, binding: origin.binding, event: origin.event, startedAt: at, runs: [] },
        ...{ firstAttemptAt: undefined, endedAt: undefined, state: fact.to, outcome: undefined },
        ...{ attempts: 0, judged: undefined },
      })
    }
    const known = record.dispatches.get(key)
    if (!known) return
    known.state = fact.to
    known.attempts = now.attempt
    known.outcome = now.outcome
    if (now.attempt > 0) known.firstAttemptAt ??= at
    if (now.outcome) known.endedAt = at
  }

  function noteEffects({ at, effects }: Entry): void {
    for (const effect of effects) {
      if (effect.kind === 'evaluatePredicate') {
        asked.set(effect.id, { dispatch: effect.dispatch, run: -1 })
      }
      if (effect.kind !== 'runAttempt') continue
      const known = record.dispatches.get(effect.dispatch)
      if (!known) continue
      asked.set(effect.id, { dispatch: effect.dispatch, run: known.runs.length })
      known.runs.push({ startedAt: at, ms: 0, result: undefined })
    }
  }

  return { record, take }
}

const isOfClient = ({ from }: Letter): boolean => from.kind === 'client'

/** Finds, for every event that a handler sent, the run that sent it. */
export function linkSent(partitions: readonly RecordedPartition[]): void {
  const senders = new Map<string, { dispatch: string; run: number; startedAt: number }>()
  for (const { dispatches } of partitions) {
    for (const { id: dispatch, runs } of dispatches.values()) {
      for (const [run, { result, startedAt }] of runs.entries()) {
        if (!result || !('sent' in result)) continue
        for (const event of result.sent) senders.set(event, { dispatch, run, startedAt })
      }
    }
  }
  for (const { events } of partitions) {
    for (const event of events) {
      const sender = senders.get(event.input.head.id)
      if (!sender) continue
      const { dispatch, run, startedAt } = sender
      event.sentBy = { dispatch, run, afterMs: Math.max(0, event.at - startedAt) }
    }
  }
}
