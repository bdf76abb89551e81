import {
  labelIn,
  parseEffectId,
  type AttemptError,
  type DispatchState,
  type EffectResult,
  type Entry,
  type FactOf,
  type Flow,
  type Numbers,
  type Outcome,
  type Place,
  type Plain,
  type Transition,
  type Verdict,
} from '@waybill/core'

/** A dispatch as the journal has it by now: the same object all along, its fields move on. */
export interface TestDispatch {
  readonly id: string
  /** The binding's id, without its version. */
  readonly binding: string
  /** Id of the event that started it. */
  readonly event: string
  readonly state: DispatchState
  /** Every state it was in, in order; each attempt is one. */
  readonly path: readonly DispatchState[]
  /** Number of the latest attempt, 0 before the first. */
  readonly attempts: number
  readonly key: string | undefined
  /** How it ended; undefined while it is open. */
  readonly outcome: Outcome | undefined
  /** What the latest attempt failed with. */
  readonly error: AttemptError | undefined
  /** What the handler returned. */
  readonly output: Plain | undefined
  /** Ids of the events that its handler sent. */
  readonly sent: readonly string[]
  /** When the next attempt is due, epoch ms. */
  readonly retryAt: number | undefined
  /** The limit that keeps it waiting, while one does. */
  readonly waitsFor: TestWait | undefined
  /** How many events came together in it: members of its batch, or of a debounce's row. */
  readonly standsFor: number
}

export interface TestWait {
  /** `<binding>/<name>`, `@app/<name>` or `@global/<name>`. */
  readonly limit: string
  /** The key as the event has it, where the limit has one. */
  readonly key: string | undefined
  /** Epoch ms. */
  readonly since: number
  /** What the limit said, as in `{ used: 1, max: 1, ahead: 0 }`. */
  readonly numbers: Numbers
}

/** An event that the partition took, with what every candidate binding made of it. */
export interface TestEvent {
  readonly id: string
  readonly type: string
  readonly duplicate: boolean
  readonly verdicts: readonly Verdict[]
}

/** One recorded transition, with the time of its entry. */
export interface TestTransition extends Transition {
  readonly at: number
}

/** What a test looks at: a fold of the recorded entries, and of nothing else. */
export interface Dispatches {
  readonly events: readonly TestEvent[]
  readonly quarantined: readonly string[]
  readonly all: readonly TestDispatch[]
  history(dispatch: string): readonly TestTransition[]
  record(entry: Entry): void
}

type Mutable = { -readonly [Field in keyof TestDispatch]: TestDispatch[Field] } & {
  path: DispatchState[]
  limits: readonly Place[]
}

export function createDispatches(): Dispatches {
  const events: TestEvent[] = []
  const quarantined: string[] = []
  const byId = new Map<string, Mutable>()
  const histories = new Map<string, TestTransition[]>()

  function record({ at, input, facts }: Entry): void {
    if (input.kind === 'event') {
      const { id, type } = input.head
      const duplicate = facts.some(({ kind }) => kind === 'event.duplicate')
      events.push({ id, type, duplicate, verdicts: input.verdicts })
    }
    if (input.kind === 'result') recordResult(input.effect, input.result)
    if (input.kind === 'quarantined') quarantined.push(input.reason)
    for (const fact of facts) {
      if (fact.kind === 'transition') recordTransition(at, fact)
      if (fact.kind === 'dispatch.quarantined') recordQuarantine(fact)
    }
  }

  function recordTransition(at: number, transition: Transition): void {
    const { dispatch: id } = transition
    const history = histories.get(id) ?? []
    histories.set(id, [...history, { ...transition, at }])
    const before = byId.get(id) ?? begun(transition)
    byId.set(id, before)
    moveOn(before, transition)
  }

  function recordResult(effect: string, result: EffectResult): void {
    const dispatch = byId.get(parseEffectId(effect)?.dispatch ?? '')
    if (!dispatch || (result.status !== 'succeeded' && result.status !== 'failed')) return
    dispatch.sent = [...dispatch.sent, ...result.sent]
    if (result.status === 'succeeded') dispatch.output = result.output
  }

  function recordQuarantine({ dispatch: id, reason }: FactOf<'dispatch.quarantined'>): void {
    const dispatch = byId.get(id)
    if (!dispatch) return
    dispatch.state = 'dlq'
    dispatch.path.push('dlq')
    dispatch.outcome = { status: 'dlq', reason }
  }

  return {
    events,
    quarantined,
    get all() {
      return [...byId.values()]
    },
    history: (dispatch) => histories.get(dispatch) ?? [],
    record,
  }
}

function begun({ dispatch: id, origin, to }: Transition): Mutable {
  if (!origin) throw new Error(`${id} moved before it began`)
  return {
    id,
    binding: origin.binding.slice(0, origin.binding.lastIndexOf('@')),
    event: origin.event,
    state: to,
    path: ['received'],
    attempts: 0,
    key: origin.key,
    outcome: undefined,
    error: undefined,
    output: undefined,
    sent: [],
    retryAt: undefined,
    limits: [],
    waitsFor: undefined,
    standsFor: 1,
  }
}

function moveOn(dispatch: Mutable, transition: Transition): void {
  const { record: now, to, origin } = transition
  dispatch.state = to
  dispatch.path.push(to)
  dispatch.attempts = now.attempt
  dispatch.outcome = now.outcome
  dispatch.error = now.error
  dispatch.retryAt = now.timers.retry
  dispatch.limits = limitsIn(transition) ?? dispatch.limits
  dispatch.waitsFor = to === 'flowGated' ? waitIn(now.flow, dispatch.limits) : undefined
  dispatch.standsFor = now.flow?.standsFor ?? dispatch.standsFor
  dispatch.key = origin?.key ?? dispatch.key
}

/** They are known once the event, or its predicate, was judged. */
const limitsIn = ({ event }: Transition): readonly Place[] | undefined =>
  'limits' in event ? event.limits : undefined

function waitIn(flow: Flow | undefined, limits: readonly Place[]): TestWait | undefined {
  const place = flow?.asked === undefined ? undefined : limits[flow.asked]
  if (!flow || !place) return undefined
  const { ledger, key } = place
  return { limit: labelIn(ledger), key, since: flow.since ?? 0, numbers: flow.why?.numbers ?? {} }
}
