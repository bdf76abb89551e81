import type { BindingKey, Manifest } from '../binding.ts'
import { newDispatch, wakeDispatch, type LiveDispatch, type Moved } from '../dispatch/actor.ts'
import type { Effect } from '../dispatch/effect.ts'
import type { DispatchEvent } from '../dispatch/event.ts'
import { MACHINE_VERSION } from '../dispatch/machine.ts'
import type { Member } from '../dispatch/flow.ts'
import {
  isFinal,
  type Dispatch,
  type DispatchOrigin,
  type DispatchRecord,
  type InputRef,
} from '../dispatch/record.ts'
import { jitterOf } from '../retry.ts'
import { limits, type Fact } from './entry.ts'
import type { Place } from '../ledger/limit.ts'
import { admit, applicantOf, giveBack, orderOf } from './admission.ts'
import { tellCircuit } from './circuits.ts'
import type { LetterAnswer } from './letter.ts'
import { manifestOf, type Partition } from './state.ts'

/**
 * What a step has decided so far. The partition is not touched before all is decided, so a step
 * that throws is undone by forgetting its draft and the actors that it moved.
 */
export interface Draft {
  readonly partition: Partition
  readonly at: number
  readonly facts: Fact[]
  readonly effects: Effect[]
  /** Dispatches moved in this step: each at most once, so every chain has one link an entry. */
  readonly moved: Set<string>
  /** Takes back, last first, what this step has done to ledgers. */
  readonly undo: (() => void)[]
  /** Ledgers that may have something to do next. */
  readonly touched: Set<string>
  /** Ledgers that this step has moved, or whose alarm it took. */
  readonly ledgers: Set<string>
  /** Receiver -> number of the last letter that this step has for it. */
  readonly posted: Map<string, number>
  started: number
  /** About how many bytes the entry will have, never less. */
  weight: number
}

/**
 * May one more dispatch be moved in this step, and this much be said of it? An entry has a bound that
 * must not be met. Each ledger that was touched may have to be left to ticks, which is a fact, too.
 */
export function hasRoom(draft: Draft, movedMax: number, bytes = 0): boolean {
  const { moved, facts, touched, weight } = draft
  return (
    moved.size < movedMax &&
    facts.length + touched.size < limits.factsPerStepMax - 100 &&
    weight + touched.size * backlogBytes + bytes < limits.entryBytesMax - 32 * 1024
  )
}

const backlogBytes = 200

export function beginDraft(partition: Partition, at: number): Draft {
  return {
    partition,
    at,
    facts: [],
    effects: [],
    moved: new Set(),
    undo: [],
    touched: new Set(),
    ledgers: new Set(),
    posted: new Map(),
    started: partition.started,
    weight: 0,
  }
}

/** Events by name, with their time and their chance filled in. */
export type Happening = Bare<DispatchEvent>
type Bare<Event extends DispatchEvent> = Event extends DispatchEvent
  ? Omit<Event, 'at' | 'jitter'>
  : never

/** An event that its machine must handle: being ignored would mean that an effect is lost. */
export function move(draft: Draft, dispatch: Dispatch, happening: Happening): void {
  if (!tryMove(draft, dispatch, happening)) {
    // It is the one to blame, and its timer is set again.
    draft.moved.add(dispatch.id)
    throw new Error(`${dispatch.id} in ${dispatch.record.state} does not handle ${happening.type}`)
  }
}

/** False: the machine has no use for this event in its state; nothing is recorded. */
export function tryMove(draft: Draft, dispatch: Dispatch, happening: Happening): boolean {
  const { partition, at } = draft
  const { id, record, head, origin } = dispatch
  if (draft.moved.has(id)) throw new Error(`${id} was moved in this step already`)
  draft.moved.add(id)
  const live = partition.actors.get(id) ?? wake(partition, dispatch, origin)
  const event = withChance(partition, happening, id, record.attempt, at)
  const moved = live.send(event, partition.epoch.number)
  if (!moved) {
    draft.moved.delete(id)
    return false
  }
  write(draft, id, event, moved, { prev: head })
  if (record.flow) tellCircuit(draft, dispatch, event)
  const limits = ('limits' in event ? event.limits : undefined) ?? dispatch.limits
  const applicant = applicantOf(partition, { ...dispatch, limits })
  giveBack(draft, applicant, record.flow, event, moved.record.flow)
  return true
}

/** What a dispatch begins with. */
export interface Beginning {
  readonly id: string
  readonly binding: Manifest
  readonly event: { readonly id: string; readonly tenant: string }
  readonly ref: InputRef
  readonly key?: string | undefined
  readonly limits?: readonly Place[] | undefined
  readonly loop: boolean
  /** The predicate can only be answered by an effect. */
  readonly ask: boolean
  /** It runs another one again. */
  readonly again?: Pick<DispatchOrigin, 'rerunOf' | 'root' | 'redrives'>
  readonly members?: readonly Member[] | undefined
}

/** The first transition of a new dispatch. */
export function start(draft: Draft, beginning: Beginning): void {
  const { partition, at } = draft
  const { id, binding, ref, key, again, loop, ask } = beginning
  if (draft.moved.has(id) || partition.dispatches.has(id)) {
    throw new Error(`${id} was started already`)
  }
  draft.moved.add(id)
  draft.started += 1
  const { id: event, tenant } = beginning.event
  const origin: DispatchOrigin = {
    binding: `${binding.id}@v${binding.version}` satisfies BindingKey,
    event,
    ref,
    tenant,
    ordinal: draft.started,
    machine: MACHINE_VERSION,
    key,
    ...again,
  }
  const live = newDispatch(id, binding)
  const limits = beginning.limits && [...beginning.limits]
  const members = beginning.members && [...beginning.members]
  const rerun = again !== undefined
  const applicant = { id, binding, tenant, order: orderOf(ref), limits, rerun }
  const standing = loop || ask ? undefined : admit(draft, applicant, 0, undefined)
  const first: DispatchEvent = {
    type: 'dispatch.started',
    at,
    loop,
    ask,
    limits,
    standing,
    ...(members && { members }),
  }
  const moved = live.send(first, partition.epoch.number)
  if (!moved) throw new Error(`${id} did not start`)
  if (!isFinal(moved.record.state)) partition.actors.set(id, live)
  write(draft, id, first, moved, { origin })
  giveBack(draft, applicant, undefined, first, moved.record.flow)
}

export function reply(
  draft: Draft,
  letter: string,
  to: string | undefined,
  body: LetterAnswer,
): void {
  if (to === undefined) return
  const id = `letter:${letter}:${draft.effects.length}`
  draft.effects.push({ kind: 'reply', id, to, letter, body })
}

function wake(partition: Partition, dispatch: Dispatch, { binding }: DispatchOrigin): LiveDispatch {
  const live = wakeDispatch(dispatch, manifestOf(partition, binding))
  partition.actors.set(dispatch.id, live)
  return live
}

function withChance(
  partition: Partition,
  happening: Happening,
  id: string,
  attempt: number,
  at: number,
): DispatchEvent {
  // TypeScript does not put a union back together that it took apart field by field.
  if (!takesChance.has(happening.type)) return { ...happening, at } as DispatchEvent
  return { ...happening, at, jitter: jitterOf(partition.hash, id, attempt) } as DispatchEvent
}

const takesChance: ReadonlySet<DispatchEvent['type']> = new Set([
  'attempt.failed',
  'attempt.lost',
  'timer.due',
] as const)

function write(
  draft: Draft,
  dispatch: string,
  event: DispatchEvent,
  { from, via, record, effects }: Moved,
  link: { origin?: DispatchOrigin; prev?: string },
): void {
  draft.facts.push({
    kind: 'transition',
    dispatch,
    index: record.index - 1,
    event,
    from: link.origin ? null : from,
    to: record.state,
    via: [...via],
    record,
    ...link,
  })
  draft.effects.push(...effects)
  draft.weight += transitionBytes + 3 * textLength(record, event)
}

/**
 * Characters without a small bound of their own; each takes at most three bytes. What an event says
 * of itself stands in the outcome once more.
 */
function textLength({ error }: DispatchRecord, event: DispatchEvent): number {
  const said =
    ('reason' in event ? (event.reason?.length ?? 0) : 0) +
    ('by' in event ? (event.by?.length ?? 0) : 0)
  if (!error) return 2 * said
  const { name, message, code = '', path = '' } = error
  return 2 * said + name.length + message.length + code.length + path.length
}

/** A transition with its effects; measured 500 to 700. */
const transitionBytes = 900
