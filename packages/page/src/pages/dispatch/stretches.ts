import type { DispatchState } from '@waybill/core'
import { duration } from '../../base/text.ts'
import type { Step } from './use-history.ts'

/** A stretch of a dispatch's life. There are no empty ones between: every gap says what it was. */
export interface Stretch {
  readonly title: string
  /** Why so long: which limit, with which numbers; which error; until when. */
  readonly reason: string
  readonly state: string
  readonly from: number
  /** Undefined: it goes on. */
  readonly to?: number
  /** The transition that began it; undefined: before the first. */
  readonly index?: number
}

/** Later than due by this much is worth a word of its own. */
const lateMs = 1000

/** @param receivedAt of the event, where it is known */
export function stretches(steps: readonly Step[], receivedAt?: number): Stretch[] {
  const first = steps[0]
  if (!first) return []
  const all: Stretch[] = []
  if (receivedAt !== undefined && first.transition.index === 0 && first.at > receivedAt) {
    all.push({
      title: 'in the stream',
      reason: `stored, and read by its partition ${duration(first.at - receivedAt)} later`,
      state: 'received',
      from: receivedAt,
      to: first.at,
    })
  }
  for (const [at, step] of steps.entries()) all.push(...stretchesOf(step, steps[at + 1]))
  return all
}

function stretchesOf(step: Step, next: Step | undefined): Stretch[] {
  const { transition, at } = step
  const { to: state, index } = transition
  if (isEnd(state)) return []
  const told = tellers[state](step, next)
  const due = dueOf(step)
  const about = { state, index, from: at }
  if (next === undefined) return [{ ...told, ...about }]
  if (due === undefined || next.at - due < lateMs || next.transition.event.type !== 'timer.due') {
    return [{ ...told, ...about, to: next.at }]
  }
  return [
    { ...told, ...about, to: due },
    { title: 'overdue', reason: lateText(step, next, due), state, index, from: due, to: next.at },
  ]
}

const ends = ['succeeded', 'skipped', 'failed', 'cancelled', 'superseded', 'dlq'] as const
type End = (typeof ends)[number]
const isEnd = (state: DispatchState): state is End => (ends as readonly string[]).includes(state)

/** The timer that ends this state by itself. */
function dueOf({ transition: { to, record } }: Step): number | undefined {
  if (to === 'retryWait') return record.timers.retry
  return to === 'waiting' ? record.timers.wait : undefined
}

function lateText(step: Step, next: Step, due: number): string {
  const late = duration(next.at - due)
  return next.epoch === step.epoch
    ? `its timer was due ${late} before anybody acted: the dispatcher was busy, or stood still`
    : `its timer was due ${late} before anybody acted: its partition had no owner (epoch ${step.epoch} → ${next.epoch})`
}

interface Told {
  readonly title: string
  readonly reason: string
}
type Teller = (step: Step, next: Step | undefined) => Told

const tellers: Readonly<Record<Exclude<DispatchState, End>, Teller>> = {
  received: () => ({ title: 'received', reason: 'its event was read' }),
  predicate: (_step, next) => ({
    title: 'predicate',
    reason: next
      ? `asked whether it is wanted: ${next.transition.event.type}`
      : 'asking whether it is wanted',
  }),
  flowGated: tellGate,
  attempting: tellAttempt,
  retryWait: tellRetry,
  waiting: ({ transition: { record } }) => ({
    title: `waits for ${record.waitFor ?? 'something'}`,
    reason: waitTexts[record.waitFor ?? ''] ?? `until ${record.waitFor ?? 'it'} comes`,
  }),
}

const waitTexts: Readonly<Record<string, string>> = {
  version: 'no dispatcher had the code of its binding version',
  approval: 'somebody has to approve it',
  budget: 'its budget is used up',
  signal: 'a signal has to come from outside',
}

function tellGate(step: Step, next: Step | undefined): Told {
  const answer = next?.gates[0]
  const answered = answer
    ? `; then ${answer.reason ?? answer.result}${inNumbers(answer.numbers)}`
    : ''
  const { gate, numbers, isAway } = holderOf(step, ['waiting', 'asked'])
  if (isAway) {
    const reason = `its ledger is in another partition: a letter there and back${answered}`
    return { title: `asks ${gate}`, reason }
  }
  return { title: `held by ${gate}`, reason: `${numbersText(numbers) || 'no room'}${answered}` }
}

/** Who holds it, with which numbers: as its record says, else as the limit said. */
function holderOf({ gates, transition }: Step, results: readonly string[]) {
  const { why } = transition.record.flow ?? {}
  const word = gates.findLast(({ result }) => results.includes(result))
  if (why) return { gate: labelOf(why.gate), numbers: why.numbers, isAway: false, isKnown: true }
  const { ledger = 'a limit', numbers = {}, result } = word ?? {}
  return {
    gate: labelOf(ledger),
    numbers,
    isAway: result === 'asked',
    isKnown: word !== undefined,
  }
}

function tellAttempt(step: Step, next: Step | undefined): Told {
  const title = `attempt ${step.transition.record.attempt}`
  return { title, reason: next ? endOfAttempt(step, next) : 'its handler runs' }
}

function endOfAttempt(step: Step, next: Step): string {
  const { event } = next.transition
  const ms = handlerMs(next)
  const ran = ms === undefined ? '' : `; the handler ran ${duration(ms)}`
  if (event.type === 'attempt.failed') {
    return `${event.error.class}: ${event.error.name}: ${event.error.message}${ran}`
  }
  if (event.type === 'attempt.succeeded') return `returned${ran}`
  if (event.type === 'attempt.lost')
    return `lost with its host (epoch ${step.epoch} → ${next.epoch})`
  if (event.type === 'attempt.parked') return 'given back by a drain: no attempt is spent'
  if (event.type === 'timer.due')
    return event.timer === 'attempt' ? 'timed out' : 'its time was over'
  return event.type
}

function tellRetry(step: Step): Told {
  const { gate, numbers, isKnown } = holderOf(step, ['deferred'])
  if (isKnown) {
    return { title: `held by ${gate}`, reason: `its circuit is open${inNumbers(numbers)}` }
  }
  const { record } = step.transition
  const due = record.timers.retry ?? step.at
  const after = record.error ? ` after ${record.error.class}: ${record.error.name}` : ''
  return {
    title: `pause before attempt ${record.attempt + 1}`,
    reason: `backoff of ${duration(Math.max(0, due - step.at))}${after}`,
  }
}

/** How long the handler itself took; the rest of the stretch is the way there and back. */
export function handlerMs({ input }: Step): number | undefined {
  if (input.kind !== 'result') return undefined
  const { result } = input
  return result.status === 'succeeded' || result.status === 'failed' ? result.ms : undefined
}

/** `file-alert/throttle/1f…` is a ledger; its label says enough. */
export const labelOf = (ledger: string): string => ledger.split('/', 2).join('/')

const inNumbers = (numbers: Readonly<Record<string, number>>): string => {
  const text = numbersText(numbers)
  return text === '' ? '' : ` (${text})`
}

/** `used 4, max 50, period 1 s`: what ends in Ms is a length of time, what is huge a moment. */
export function numbersText(numbers: Readonly<Record<string, number>>): string {
  return Object.entries(numbers)
    .map(([name, value]) => {
      if (name.endsWith('Ms')) return `${name.slice(0, -2)} ${duration(value)}`
      return `${name} ${value > 1e11 ? new Date(value).toISOString() : value}`
    })
    .join(', ')
}
