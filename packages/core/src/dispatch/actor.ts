import {
  createActor,
  type ActorScope,
  type AnyTransitionDefinition,
  type InspectionEvent,
  type SnapshotFrom,
} from 'xstate'
import type { Manifest } from '../binding.ts'
import type { DispatchContext } from './deeds.ts'
import type { Effect } from './effect.ts'
import { keyLimit } from '../ledger/limit.ts'
import type { DispatchEvent } from './event.ts'
import { circuitOf, faredOf } from './fared.ts'
import type { Flow } from './flow.ts'
import { dispatchMachine, MACHINE_VERSION } from './machine.ts'
import { isFinal, type Dispatch, type DispatchRecord, type DispatchState } from './record.ts'

/*
 * XState in one place: waking, sending, parking. The record is the truth, a live dispatch only saves
 * the 2 µs of waking it: it may be dropped at any time, and to undo a step is to drop it.
 *
 * A dispatch is an actor of the machine, but not an `Actor` object: that costs 6 µs to make and a
 * system, a mailbox and a scheduler that a partition, which feeds one event at a time, never uses.
 * All dispatches share the scope of one (measured: docs/adr/0005-one-scope-for-all-actors.md).
 */

/** One step of a machine, before it is written down. */
export interface Moved {
  readonly from: DispatchState
  readonly via: readonly string[]
  readonly record: DispatchRecord
  readonly effects: readonly Effect[]
}

export interface LiveDispatch {
  readonly binding: Manifest
  /**
   * Undefined: the machine does not handle this event in this state, nothing has changed.
   * @param epoch the partition's, noted with an attempt that begins
   */
  send(event: DispatchEvent, epoch: number): Moved | undefined
}

/** The record of a dispatch that has not made its first transition. */
const unstarted: DispatchRecord = {
  state: 'received',
  index: 0,
  at: 0,
  attempt: 0,
  spent: 0,
  alone: false,
  kills: 0,
  epoch: 0,
  timers: {},
}

export function newDispatch(id: string, binding: Manifest): LiveDispatch {
  return live({ id, binding, record: unstarted, effects: [] })
}

export function wakeDispatch({ id, origin, record }: Dispatch, binding: Manifest): LiveDispatch {
  if (origin.machine !== MACHINE_VERSION) {
    throw new Error(
      `${id} lives under machine ${origin.machine}, this build has ${MACHINE_VERSION}`,
    )
  }
  return live({ id, binding, record, effects: [] })
}

/**
 * One recorded step of a dispatch, made again by its machine alone: what its partition's ledgers
 * said stands in the event. Undefined: the machine has no use for this event there.
 *
 * @param before undefined: it is the first one
 */
export function retrace(
  id: string,
  before: Dispatch | undefined,
  binding: Manifest,
  event: DispatchEvent,
  epoch: number,
): Moved | undefined {
  const live = before ? wakeDispatch(before, binding) : newDispatch(id, binding)
  return live.send(event, epoch)
}

type Snapshot = SnapshotFrom<typeof dispatchMachine>

function live(context: DispatchContext): LiveDispatch {
  const { effects, binding } = context
  let before = dispatchMachine.resolveState({ value: context.record.state, context })
  return {
    binding,
    send(event, epoch) {
      effects.length = 0
      taken = []
      const after = dispatchMachine.transition(before, event, scope)
      if (after === before) return undefined
      // XState turns some throws inside actions into a state of the actor.
      if (after.status === 'error') throw after.error
      const from = before.value
      const record = recordOf(after.value, after.context.record, event, epoch, binding)
      // The index of the next transition is part of the ids of its effects.
      Object.assign(after.context, { record })
      before = after
      return { from, via: taken, record, effects: effects.slice() }
    },
  }
}

/** Identities of the arrows that the transition under way has taken. */
let taken: string[] = []

const ignore = (): void => undefined

/** Gives the shared scope its identity; it never moves. */
const host = createActor(dispatchMachine, {
  input: { id: '', binding: {} as Manifest, record: unstarted, effects: [] },
  inspect: note,
})

/** What a transition may ask of its surroundings: nothing, as all that it wants done is data. */
const scope: ActorScope<Snapshot, DispatchEvent> = {
  self: host,
  id: host.id,
  sessionId: host.sessionId,
  system: host.system,
  logger: ignore,
  defer: ignore,
  emit: ignore,
  stopChild: ignore,
  actionExecutor: ignore,
}

function recordOf(
  state: DispatchState,
  record: DispatchRecord,
  event: DispatchEvent,
  epoch: number,
  binding: Manifest,
): DispatchRecord {
  const asks = record.effect !== undefined && !isFinal(state)
  const { at } = event
  const next = { ...record, state, at, index: record.index + 1, epoch: asks ? epoch : record.epoch }
  if (record.flow === undefined) return next
  return { ...next, flow: kept(noteCounted(record.flow, event, binding), state, binding) }
}

/**
 * Permits are held while it runs and while it is on its way there, never after its end, and while
 * it waits only if the binding says so; the order of a key outlives every wait (rules 3.4, 3.6, 7.7).
 */
function kept(flow: Flow, state: DispatchState, { flow: limited }: Manifest): Flow | undefined {
  if (isFinal(state)) return undefined
  if (state !== 'retryWait' && state !== 'waiting') return flow
  const { admission, held, standsFor, counted, why } = flow
  const stays = ([index]: Flow['held'][number]): boolean =>
    limited?.limits[index]?.name === keyLimit ||
    (state === 'retryWait' &&
      limited?.holdWhileRetrying === true &&
      limited.limits[index]?.rule.kind !== 'circuit')
  const deferredBy = state === 'retryWait' ? why : undefined
  return { admission, held: held.filter(stays), standsFor, counted, why: deferredBy }
}

function noteCounted(flow: Flow, event: DispatchEvent, binding: Manifest): Flow {
  if (flow.counted || circuitOf(binding) === undefined) return flow
  return faredOf(event) === 'badly' ? { ...flow, counted: true } : flow
}

function note(inspected: InspectionEvent): void {
  if (inspected.type !== '@xstate.microstep') return
  for (const transition of inspected._transitions) taken.push(identityOf(transition))
}

const identities = new WeakMap<AnyTransitionDefinition, string>()

/** `<source state>:<event>:<branch>`: which arrow of the statechart was taken. */
function identityOf(transition: AnyTransitionDefinition): string {
  const known = identities.get(transition)
  if (known !== undefined) return known
  const { source, eventType } = transition
  const branches =
    eventType === '' ? (source.always ?? []) : (source.transitions.get(eventType) ?? [])
  const from = source.path.join('.') || 'any'
  const identity = `${from}:${eventType || 'always'}:${branches.indexOf(transition)}`
  identities.set(transition, identity)
  return identity
}
