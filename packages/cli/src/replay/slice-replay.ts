import {
  apply,
  bindingKey,
  createPartition,
  equalBytes,
  manifestOf,
  retrace,
  RULES,
  step,
  type Effect,
  type Entry,
  type Hash,
  type Manifest,
  type Moved,
  type Partition,
  type Transition,
  type Verdict,
} from '@waybill/core'
import { decodeEntry } from '@waybill/log'
import { decidedAgain, differences, OtherRules, type Difference } from '@waybill/history'
import type { Seed, Slice, SliceEntry } from './slice.ts'

/** One entry that moved the dispatch, and what became of it when it was decided again. */
export interface SliceStep {
  readonly entry: SliceEntry
  readonly recorded: Entry
  readonly transition: Transition | undefined
  readonly effects: readonly Effect[]
  /** What came out this time; absent when nothing did. */
  readonly replayed: Transition | undefined
  /** Empty = the same. */
  readonly differences: readonly Difference[]
  /** The whole entry was compared, byte for byte; else this dispatch's part of it. */
  readonly whole: boolean
}

/** Another definition of the dispatch's binding, to see what it would have done. */
export interface Today {
  readonly binding: Manifest
  /** Judges the event again; undefined keeps the recorded verdict. */
  readonly verdict?: Verdict | undefined
}

/**
 * Decides every recorded input of a dispatch again, on a partition that knows nothing but what
 * this dispatch depended on, and compares. What ledgers say depends on everybody who shares them:
 * where a dispatch has limits, their answers are taken from the record, and its machine is asked
 * again (`replay --all` decides whole partitions, ledgers and all). The first difference ends it: from there on the
 * recorded answers belong to another story.
 *
 * @param today what the dispatch's binding is now; the first difference is then called drift
 * @throws OtherRules when it was recorded under rules that this build does not have
 */
export function* replaySlice(slice: Slice, hash: Hash, today?: Today): Generator<SliceStep, void> {
  const { id, rules } = slice
  if (rules !== RULES) throw new OtherRules(id, rules)
  const partition = planted(slice, hash, today)
  const gated = isGated(slice)
  for (const entry of slice.entries) {
    const recorded = decodeEntry(entry.bytes)
    if (entry.role === 'epoch') apply(partition, recorded, hash.bytes(entry.bytes))
    if (entry.role !== 'move') continue
    if (gated) {
      const result = retraced(partition, slice, entry, recorded, today)
      yield result
      if (result.differences.length > 0) return
      applyOwn(partition, slice, recorded, hash.bytes(entry.bytes))
      continue
    }
    prepareBulk(partition, slice, recorded, hash)
    const done = step(partition, asked(recorded.input, today), recorded.at)
    const result = compared(slice, entry, recorded, done, today !== undefined)
    yield result
    if (result.differences.length > 0) return
    keepOnly(partition, slice, recorded, hash.bytes(entry.bytes))
  }
}

function planted({ id, dispatch, seed, entries }: Slice, hash: Hash, today?: Today): Partition {
  const partition = createPartition(id, hash)
  const { at, started, definitions, epoch, streams } = seed
  Object.assign(partition, { at, started, definitions, streams })
  partition.epoch = { ...epoch, hosts: new Set(epoch.hosts) }
  for (const binding of seed.manifests) {
    partition.manifests.set(bindingKey(binding), binding)
    // Of a paused binding two versions may be known; the later one in the list is the active one.
    partition.active.set(binding.id, bindingKey(binding))
  }
  plantHeld(partition, entries, seed)
  if (!today) return partition
  // Only this dispatch is asked about: its siblings stay out, its number stays what it was.
  const first = entries.map(({ bytes }) => originOf(decodeEntry(bytes), dispatch)).find(Boolean)
  partition.active.clear()
  partition.active.set(today.binding.id, bindingKey(today.binding))
  for (const id of partition.held.keys()) if (id !== today.binding.id) partition.held.delete(id)
  partition.manifests.set(bindingKey(today.binding), today.binding)
  partition.started = (first?.ordinal ?? started + 1) - 1
  return partition
}

/** A pause held the event back: these bindings are owed it, and nothing else. */
function plantHeld(partition: Partition, entries: Slice['entries'], { owed }: Seed): void {
  const first = entries.find(({ role }) => role === 'move')
  const input = first && decodeEntry(first.bytes).input
  if (!owed || input?.kind !== 'held') return
  const { stream, seq, index } = input.place
  const place = [seq, index] as const
  for (const [id, binding] of Object.entries(owed)) {
    const run = { binding, definitions: 0, since: 0, from: place, to: place, events: 1 }
    partition.held.set(id, { stream, bytes: 0, runs: [run] })
  }
}

/** Does it share ledgers with others, or was it started by a command of theirs? */
function isGated({ entries, dispatch }: Slice): boolean {
  return entries.some(({ role, bytes }) => {
    if (role !== 'move') return false
    const { event, origin } = transitionOf(decodeEntry(bytes), dispatch) ?? {}
    return (
      (event && 'limits' in event && event.limits !== undefined) || origin?.rerunOf !== undefined
    )
  })
}

/** One move, made again by the machine from the record before it. */
function retraced(
  partition: Partition,
  { dispatch }: Slice,
  entry: SliceEntry,
  recorded: Entry,
  today: Today | undefined,
): SliceStep {
  const transition = transitionOf(recorded, dispatch)
  const effects = effectsOf(recorded, dispatch)
  const told = { entry, recorded, transition, effects, whole: false }
  // Ended without its machine being asked: there is nothing to decide.
  if (!transition) return { ...told, replayed: undefined, differences: [] }
  const moved = movedAgain(partition, transition, today)
  const replayed = moved && decidedAgain(transition, moved)
  const again = { transition: replayed, effects: moved?.effects ?? [] }
  return { ...told, replayed, differences: differences({ transition, effects }, again) }
}

function movedAgain(
  partition: Partition,
  { dispatch, origin, event }: Transition,
  today: Today | undefined,
): Moved | undefined {
  const before = partition.dispatches.get(dispatch)
  const { binding: key } = origin ?? before?.origin ?? {}
  if (key === undefined) throw new Error(`${dispatch} moves before it began`)
  const binding = today?.binding ?? manifestOf(partition, key)
  return retrace(dispatch, before, binding, event, partition.epoch.number)
}

function applyOwn(partition: Partition, { dispatch }: Slice, recorded: Entry, head: string): void {
  const facts = recorded.facts.filter(
    (fact) =>
      (fact.kind === 'transition' || fact.kind === 'dispatch.quarantined') &&
      fact.dispatch === dispatch,
  )
  apply(partition, { ...recorded, input: { kind: 'tick' }, facts, effects: [] }, head)
}

const effectsOf = (of: Entry, dispatch: string): readonly Effect[] =>
  of.effects.filter((effect) => 'dispatch' in effect && effect.dispatch === dispatch)

const originOf = (entry: Entry, dispatch: string): Transition['origin'] =>
  transitionOf(entry, dispatch)?.origin

function transitionOf(entry: Entry, dispatch: string): Transition | undefined {
  return entry.facts.find(
    (fact): fact is Transition => fact.kind === 'transition' && fact.dispatch === dispatch,
  )
}

function asked(input: Entry['input'], today: Today | undefined): Entry['input'] {
  if (!today) return input
  if (input.kind === 'held') return onlyFor(input, today)
  return today.verdict && input.kind === 'event'
    ? withVerdict(input, today.binding, today.verdict)
    : input
}

/** Who else was owed the event is nobody's concern here. */
function onlyFor(input: HeldInput, { binding, verdict }: Today): HeldInput {
  const recorded = input.verdicts.filter((one) => one.binding === bindingKey(binding))
  return { ...input, verdicts: verdict ? [verdict] : recorded }
}

type HeldInput = Extract<Entry['input'], { kind: 'held' }>

type EventInput = Extract<Entry['input'], { kind: 'event' }>

function withVerdict(input: EventInput, binding: Manifest, verdict: Verdict): EventInput {
  const others = input.verdicts.filter((one) => one.binding !== bindingKey(binding))
  return { ...input, verdicts: [...others, verdict] }
}

/** Which bulk command a tick carries out is known to the tick's own facts. */
function prepareBulk(partition: Partition, slice: Slice, recorded: Entry, hash: Hash): void {
  partition.bulk.clear()
  if (recorded.input.kind !== 'tick') return
  const advanced = recorded.facts.find((fact) => fact.kind === 'bulk.advanced')
  if (advanced?.kind !== 'bulk.advanced') return
  for (const { role, bytes } of slice.entries) {
    if (role !== 'bulk') continue
    const began = decodeEntry(bytes)
    const facts = began.facts.filter(
      (fact) => fact.kind === 'bulk.began' && fact.letter === advanced.letter,
    )
    if (facts.length > 0)
      apply(
        partition,
        { at: partition.at, input: { kind: 'tick' }, facts, effects: [] },
        hash.bytes(bytes),
      )
  }
}

/** Others that the same input moved are nobody's concern here; the chain goes on from the record. */
function keepOnly(partition: Partition, { dispatch }: Slice, recorded: Entry, head: string): void {
  for (const id of partition.dispatches.keys()) {
    if (id !== dispatch) partition.dispatches.delete(id)
  }
  const kept = partition.dispatches.get(dispatch)
  if (kept) partition.dispatches.set(dispatch, { ...kept, head })
  partition.bulk.clear()
  partition.at = recorded.at
}

function compared(
  { dispatch }: Slice,
  entry: SliceEntry,
  recorded: Entry,
  { entry: replayed, bytes }: ReturnType<typeof step>,
  drift: boolean,
): SliceStep {
  // A tick fires whatever is due in its partition: only this dispatch's part of it is here.
  const whole = recorded.input.kind !== 'tick' && !drift
  const same = whole && equalBytes(bytes, entry.bytes)
  const transition = transitionOf(recorded, dispatch)
  const again = transitionOf(replayed, dispatch)
  const found = same
    ? []
    : whole
      ? differences(recorded, replayed)
      : differences(
          { transition, effects: effectsOf(recorded, dispatch) },
          { transition: again, effects: effectsOf(replayed, dispatch) },
        )
  return {
    entry,
    recorded,
    transition,
    effects: effectsOf(recorded, dispatch),
    replayed: again,
    differences: found,
    whole,
  }
}
