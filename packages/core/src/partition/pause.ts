import type { Manifest } from '../binding.ts'
import type { InputRef } from '../dispatch/record.ts'
import { typeMatches } from '../type-pattern.ts'
import type { DefChange } from './definition.ts'
import type { FactOf, InputOf } from './entry.ts'
import type { Held, Run, Where } from './held.ts'
import { manifestOf, type Partition } from './state.ts'

/*
 * Pausing (rule 2.5). Nothing is un-claimed: the partition reads on, and remembers between which
 * places lies what a paused binding was not given. Once the pause is over the host reads that range
 * again, for this binding alone; what comes meanwhile is held too, so the order is kept. When
 * nothing is held any more the binding is given what comes, as before.
 */

export type PauseChange = Extract<DefChange, { kind: 'pause' | 'resume' }>

/** Stands for all bindings of the app; no id has this character. */
export const wholeApp = '*'

/** Is it to start nothing until somebody says otherwise? */
export const isPaused = ({ pauses }: Partition, binding: string): boolean =>
  pauses.has(binding) || pauses.has(wholeApp)

/** Is an event that comes now held back: by a pause, or behind those that one held back? */
export const holdsBack = (partition: Partition, binding: string): boolean =>
  partition.held.has(binding) || isPaused(partition, binding)

// --- orders ----------------------------------------------------------------------------------

/** Why such a change would change nothing. */
export function pauseProblem(partition: Partition, change: PauseChange): string | undefined {
  const { pauses, active } = partition
  const { kind, binding } = change
  const isOn = pauses.has(binding ?? wholeApp)
  const name = binding ?? 'the app'
  if (kind === 'pause') {
    if (isOn) return `${name} is paused already`
    const isKnown = binding === undefined || active.has(binding)
    return isKnown ? undefined : `there is no binding ${binding}`
  }
  if (isOn) return undefined
  return binding !== undefined && pauses.has(wholeApp)
    ? `${name} is not paused by itself, the app is`
    : `${name} is not paused`
}

export function applyPause(partition: Partition, change: PauseChange): void {
  const { kind, binding = wholeApp, by, reason } = change
  if (kind === 'resume') partition.pauses.delete(binding)
  else partition.pauses.set(binding, { since: partition.at, by, reason })
}

// --- what is held ----------------------------------------------------------------------------

/** A new event was read: those whose verdict is `paused` are owed it. */
export function holdBack(partition: Partition, { ref, verdicts, bytes }: InputOf<'event'>): void {
  for (const { binding, result } of verdicts) {
    if (result !== 'paused') continue
    const { id } = manifestOf(partition, binding)
    const before = partition.held.get(id)
    partition.held.set(id, {
      stream: ref.stream,
      runs: extended(before?.runs ?? [], binding, whereOf(ref), partition),
      bytes: (before?.bytes ?? 0) + (bytes ?? 0),
    })
  }
}

function extended(
  runs: readonly Run[],
  binding: string,
  to: Where,
  { at, definitions }: Partition,
): readonly Run[] {
  const last = runs.at(-1)
  // Not by the version: in between another one may have been active, on other types.
  if (last?.definitions !== definitions) {
    return [...runs, { binding, definitions, since: at, from: to, to, events: 1 }]
  }
  return [...runs.slice(0, -1), { ...last, to, events: last.events + 1 }]
}

/** An input of the stream of events that nobody is owed: a duplicate, or not readable. */
export function passBy({ held, passed }: Partition, ref: InputRef | undefined): void {
  const [first] = held.values()
  if (first && ref?.stream === first.stream) passed.push(ref.seq, ref.index)
}

/** These bindings were given what they were owed of one place. */
export function release(partition: Partition, fact: FactOf<'event.released'>): void {
  const place: Where = [fact.seq, fact.index]
  for (const id of fact.bindings) {
    const before = partition.held.get(id)
    if (!before) continue
    const runs = before.runs.flatMap((one) => after(one, place))
    if (runs.length === 0) partition.held.delete(id)
    else {
      const bytes = Math.max(0, before.bytes - fact.bytes)
      partition.held.set(id, { ...before, runs, bytes })
    }
  }
  if (partition.held.size === 0) partition.passed.length = 0
}

/** What is left of a run once this place is done with. */
function after(one: Run, place: Where): readonly Run[] {
  if (isBefore(place, one.from)) return [one]
  if (!isBefore(place, one.to)) return []
  return [{ ...one, from: [place[0], place[1] + 1], events: one.events - 1 }]
}

/** Forgets what lies before everything that is held. */
export function forgetPassed({ held, passed }: Partition): void {
  const first = earliest([...held.values()])
  if (first) passed.splice(0, 2 * countBefore(passed, first))
}

// --- reading it again ------------------------------------------------------------------------

export const eventsIn = ({ runs }: Held): number =>
  runs.reduce((sum, { events }) => sum + events, 0)

/** A part of the stream of events, both ends included. */
export interface Stretch {
  readonly stream: string
  readonly from: Where
  readonly to: Where
}

/** What is to be read again now; undefined: nothing is held, or all of it is paused still. */
export function owed(partition: Partition): Stretch | undefined {
  const due = [...partition.held].filter(([id]) => !isPaused(partition, id))
  const all = due.map(([, one]) => one)
  const from = earliest(all)
  const [first] = all
  if (!first || !from) return undefined
  const ends = all.flatMap(({ runs }) => runs.slice(-1).map(({ to }) => to))
  return { stream: first.stream, from, to: ends.reduce((a, b) => (isBefore(a, b) ? b : a)) }
}

/** First event that any binding is owed, paused or not: from there on retention keeps all. */
export function firstHeld({ held }: Partition): { stream: string; seq: number } | undefined {
  const all = [...held.values()]
  const first = earliest(all)
  return first && all[0] && { stream: all[0].stream, seq: first[0] }
}

function earliest(all: readonly Held[]): Where | undefined {
  const starts = all.flatMap(({ runs }) => runs.slice(0, 1).map(({ from }) => from))
  return starts.length === 0 ? undefined : starts.reduce((a, b) => (isBefore(b, a) ? b : a))
}

/** A binding that is owed an event. */
export interface Holder {
  /** The version that is given it: the active one, else the last that was. */
  readonly binding: Manifest
  /** Is that version still on the event's type? */
  readonly wanted: boolean
  /** Events before this one that should have been given, and were not found. */
  readonly missing: number
}

/** Those that may be owed what lies there, whatever its type: a look before it is decoded. */
export const owedTo = (partition: Partition, bindings: Iterable<string>, place: Where): string[] =>
  isPassed(partition, place)
    ? []
    : [...bindings].filter((id) => firstRunWith(partition, id, place) !== undefined).sort()

function firstRunWith(partition: Partition, id: string, place: Where): Run | undefined {
  const first = partition.held.get(id)?.runs[0]
  if (!first || isPaused(partition, id)) return undefined
  return isBefore(place, first.from) || isBefore(first.to, place) ? undefined : first
}

/** The bindings that are owed this event now, in the order of their ids. */
export function holdersOf(partition: Partition, place: Where, type: string): readonly Holder[] {
  const holders: Holder[] = []
  for (const id of owedTo(partition, partition.held.keys(), place)) {
    const first = firstRunWith(partition, id, place)
    if (!first || !isOn(manifestOf(partition, first.binding), type)) continue
    const binding = manifestOf(partition, partition.active.get(id) ?? first.binding)
    const missing = isBefore(place, first.to) ? 0 : first.events - 1
    holders.push({ binding, wanted: isOn(binding, type), missing })
  }
  return holders
}

const isOn = ({ on }: Manifest, type: string): boolean =>
  on.some((pattern) => typeMatches(pattern, type))

const whereOf = ({ seq, index }: InputRef): Where => [seq, index]

const isBefore = ([seq, index]: Where, other: Where): boolean =>
  seq < other[0] || (seq === other[0] && index < other[1])

function isPassed({ passed }: Partition, place: Where): boolean {
  const at = 2 * countBefore(passed, place)
  return passed[at] === place[0] && passed[at + 1] === place[1]
}

/** Places in an ascending list that lie before another. */
function countBefore(passed: readonly number[], place: Where): number {
  let from = 0
  let to = passed.length / 2
  while (from < to) {
    const middle = Math.floor((from + to) / 2)
    const at: Where = [passed[2 * middle] ?? 0, passed[2 * middle + 1] ?? 0]
    if (isBefore(at, place)) from = middle + 1
    else to = middle
  }
  return from
}
