import {
  type Answer,
  type Entry,
  type Fact,
  type Numbers,
  type Place,
  type Transition,
} from '@waybill/core'

/** What one limit said to a dispatch: the rule, the numbers, and what it comes to. */
export interface GateWord {
  readonly ledger: string
  /** Place of the limit in the order of the binding's limits. */
  readonly index: number
  readonly admission: number
  /** `asked`: by letter, the answer is on its way. */
  readonly result: 'asked' | 'granted' | 'waiting' | 'refused' | 'deferred'
  readonly numbers: Numbers
  readonly reason?: string
  /** The dispatch in whose favour. */
  readonly by?: string
  /** When it asks again. */
  readonly until?: number
}

type Standing = Extract<Transition['event'], { type: 'gate.waiting' }>['standing']
type Step = { readonly entry: Entry; readonly fact: Transition }

/**
 * What limits said in each step of one dispatch, from the first on. Those of the dispatch's own
 * partition stand in the entry as facts; what others answered came as a letter, and the transition
 * has it.
 */
export function createGateReader(): (step: Step) => readonly GateWord[] {
  let places: readonly Place[] = []
  let before: Transition['record']['flow']
  return ({ entry, fact }) => {
    const { event, record, dispatch } = fact
    if ('limits' in event && event.limits) places = event.limits
    const asked = before?.asked
    const answered =
      asked === undefined ? [] : answerTo(fact, { ...before, index: asked }, places[asked])
    const local = entry.facts.flatMap((one) => askedHere(one, dispatch))
    before = record.flow
    return [...answered, ...local, ...askedElsewhere(fact, places)]
  }
}

function askedHere(fact: Fact, dispatch: string): readonly GateWord[] {
  if (fact.kind !== 'ledger.asked' || fact.ticket.dispatch !== dispatch) return []
  const { ledger, ticket, answer } = fact
  const { index, admission } = ticket
  return [{ ledger, index, admission, ...said(answer) }]
}

function said(answer: Answer): Word {
  const { result, numbers } = answer
  switch (answer.result) {
    case 'granted':
    case 'waiting':
      return { result, numbers }
    case 'refused':
      return { result, numbers, reason: answer.reason, ...(answer.by && { by: answer.by }) }
    case 'deferred':
      return { result, numbers, until: answer.until }
    default:
      return answer satisfies never
  }
}

interface Asked {
  readonly index: number
  readonly admission?: number
}

/** What became of the limit that it had asked, where this step says so. */
function answerTo(
  { event, record }: Transition,
  { index, admission = 1 }: Asked,
  place: Place | undefined,
): readonly GateWord[] {
  const word = wordIn(event, record.timers.retry)
  return word ? [{ ledger: place?.ledger ?? '', index, admission, ...word }] : []
}

type Word = Omit<GateWord, 'ledger' | 'index' | 'admission'>

function wordIn(event: Transition['event'], until: number | undefined): Word | undefined {
  if (event.type === 'gate.granted') return { result: 'granted', numbers: event.numbers ?? {} }
  if (event.type === 'gate.refused') {
    const { numbers = {}, reason, by } = event
    return { result: 'refused', numbers, reason, ...(by !== undefined && { by }) }
  }
  const isLetter = event.type === 'gate.waiting' || event.type === 'circuit.answered'
  return isLetter ? standsAt(event.standing, until) : undefined
}

function standsAt(standing: Standing, until: number | undefined): Word {
  if (standing.result === 'refused') {
    return { result: 'refused', numbers: standing.numbers, reason: standing.reason }
  }
  const numbers = standing.flow.why?.numbers ?? {}
  if (standing.result !== 'deferred') return { result: 'waiting', numbers }
  return { result: 'deferred', numbers, ...(until !== undefined && { until }) }
}

/** A ledger of another partition: the letter is queued, and nobody has said anything yet. */
function askedElsewhere(
  { event, record }: Transition,
  places: readonly Place[],
): readonly GateWord[] {
  const { flow } = record
  if (event.type === 'gate.waiting' || flow?.asked === undefined || flow.letter === undefined) {
    return []
  }
  // A later step of its life carries the letter's number on; only the one that asked has standing.
  if (!('standing' in event) || event.standing === undefined) return []
  const ledger = places[flow.asked]?.ledger ?? ''
  const { asked: index, admission } = flow
  return [{ ledger, index, admission, result: 'asked', numbers: {} }]
}
