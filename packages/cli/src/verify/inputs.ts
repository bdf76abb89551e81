import type { Entry, InputOf, Position } from '@waybill/core'
import type { BundleHeader } from '@waybill/log'
import type { Complain } from './finding.ts'
import { takeHeld, type HeldRules } from './held.ts'

/** What a partition read, in the order it read it. */
export interface Reads {
  readonly seqs: number[]
  readonly indexes: number[]
  readonly hashes: string[]
}

/** Order and completeness of what a partition takes in. */
export interface InputRules {
  readonly eventsStream: string
  readonly fromStart: boolean
  readonly positions: Map<string, Position>
  /** Refs of the events it read. */
  readonly events: Reads
  /** Ids that counted as new, and when. */
  readonly seen: Map<string, number>
  readonly held: HeldRules
  at: number
  /** Undefined before the first one is known. */
  epoch: number | undefined
  /** The last event before its first deploy: what came until then is not its business. */
  eventsFrom: number | undefined
}

export function createInputRules(eventsStream: string, fromStart: boolean): InputRules {
  return {
    eventsStream,
    fromStart,
    positions: new Map(),
    events: { seqs: [], indexes: [], hashes: [] },
    seen: new Map(),
    held: new Map(),
    at: 0,
    epoch: undefined,
    eventsFrom: undefined,
  }
}

const dedupeWindowMs = 24 * 3_600_000
/** Everything in that message counts as read. */
const wholeMessage = 0x7fffffff

export function takeInput(rules: InputRules, entry: Entry, complain: Complain): void {
  const { input } = entry
  if (entry.at < rules.at) complain('time.order', `${entry.at} after ${rules.at}`)
  rules.at = entry.at
  if ('ref' in input && input.ref) takeRef(rules, input.ref, complain)
  if (input.kind === 'epoch') takeEpoch(rules, input, complain)
  if (input.kind === 'event') takeEvent(rules, entry, input, complain)
  if (input.kind === 'held') checkMatches(entry, input, complain)
  takeHeld(rules.held, entry, rules.fromStart, complain)
  if (input.kind === 'def') takeDefinition(rules, entry, input)
}

/** At the end of a bundle: what it says of itself is what its entries come to. */
export function closeInputs(rules: InputRules, header: BundleHeader, complain: Complain): void {
  const { positions, fromStart } = rules
  rules.epoch ??= header.epoch
  if (header.epoch !== rules.epoch) {
    complain('epoch.bundle', `a bundle of epoch ${header.epoch} in epoch ${rules.epoch}`)
  }
  const said = Object.keys(header.positions)
  const streams = new Set([...positions.keys(), ...(fromStart ? said : [])])
  for (const stream of streams) {
    checkPosition(stream, positions.get(stream), header.positions[stream], complain)
  }
}

function takeRef(
  { positions, events, eventsStream }: InputRules,
  { stream, seq, index, hash }: InputOf<'event'>['ref'],
  complain: Complain,
): void {
  const before = positions.get(stream)
  if (before && (seq < before.seq || (seq === before.seq && index <= before.index))) {
    complain('input.order', `${stream} ${seq}/${index} is read after ${placeOf(before)}`)
  }
  positions.set(stream, { seq, index, hash })
  if (stream !== eventsStream) return
  events.seqs.push(seq)
  events.indexes.push(index)
  events.hashes.push(hash)
}

function takeEpoch(rules: InputRules, { epoch }: InputOf<'epoch'>, complain: Complain): void {
  if (rules.epoch !== undefined && epoch !== rules.epoch + 1) {
    complain('epoch.order', `epoch ${epoch} after ${rules.epoch}`)
  }
  rules.epoch = epoch
}

function takeDefinition(rules: InputRules, entry: Entry, { change }: InputOf<'def'>): void {
  if (!entry.facts.some(({ kind }) => kind === 'def.applied')) return
  if (change.kind !== 'deploy') return
  const { stream, seq } = change.eventsFrom
  rules.eventsFrom ??= seq
  if (seq === 0 || rules.positions.has(stream)) return
  rules.positions.set(stream, { seq, index: wholeMessage, hash: '' })
}

function takeEvent(
  { seen }: InputRules,
  entry: Entry,
  input: InputOf<'event'>,
  complain: Complain,
): void {
  if (!entry.facts.some(({ kind }) => kind === 'event.seen')) return
  const { id } = input.head
  const first = seen.get(id)
  if (first !== undefined && entry.at - first < dedupeWindowMs) {
    complain('event.once', `${id} counts as new a second time`)
  }
  seen.delete(id)
  seen.set(id, entry.at)
  forget(seen, entry.at)
  checkMatches(entry, input, complain)
}

/** Oldest first, as they were put in. */
function forget(seen: Map<string, number>, now: number): void {
  for (const [id, at] of seen) {
    if (now - at < 2 * dedupeWindowMs) return
    seen.delete(id)
  }
}

/** Every binding that matched starts one dispatch, and no other does. */
function checkMatches(
  entry: Entry,
  { verdicts }: InputOf<'event' | 'held'>,
  complain: Complain,
): void {
  const started = entry.facts.flatMap((fact) =>
    fact.kind === 'transition' && fact.origin ? [fact.origin.binding] : [],
  )
  const matched = verdicts
    .filter(({ result }) => result !== 'filtered' && result !== 'error' && result !== 'paused')
    .map(({ binding }) => binding)
  for (const binding of matched) {
    const times = started.filter((one) => one === binding).length
    if (times !== 1) complain('event.matches', `${binding} matched and was started ${times} times`)
  }
  for (const binding of started) {
    if (!matched.includes(binding)) {
      complain('event.matches', `${binding} did not match and was started`)
    }
  }
}

function checkPosition(
  stream: string,
  mine: Position | undefined,
  said: Position | undefined,
  complain: Complain,
): void {
  if (mine?.seq === said?.seq && mine?.index === said?.index && mine?.hash === said?.hash) return
  complain('position', `${stream} is read to ${placeOf(mine)}, the bundle says ${placeOf(said)}`)
}

const placeOf = (position: Position | undefined): string =>
  position ? `${position.seq}/${position.index}` : 'nowhere'
