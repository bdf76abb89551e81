import { createActor, type AnyTransitionDefinition, type InspectionEvent } from 'xstate'
import { bindingKey, type Manifest } from '../binding.ts'
import type { Effect } from './effect.ts'
import type { DispatchEvent } from './event.ts'
import type { DispatchContext } from './deeds.ts'
import { dispatchMachine, MACHINE_VERSION } from './machine.ts'
import { isFinal, type Dispatch, type DispatchRecord, type DispatchState } from './record.ts'

/*
 * XState in one place: waking, sending, parking. A live actor costs 4 KB and saves 6 µs; the
 * record is the truth, so an actor may be dropped at any time. To undo a step is to drop it.
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

function live(context: DispatchContext): LiveDispatch {
  const { effects, binding } = context
  let via: string[] = []
  const actor = createActor(dispatchMachine, {
    ...(context.record === unstarted
      ? { input: context }
      : { snapshot: dispatchMachine.resolveState({ value: context.record.state, context }) }),
    inspect: (inspected) => note(inspected, via),
  } as Parameters<typeof createActor<typeof dispatchMachine>>[1])
  // Without an observer a throw inside an action would end the process on a later tick.
  actor.subscribe({ error: ignore })
  actor.start()
  return {
    binding,
    send(event, epoch) {
      const before = actor.getSnapshot()
      effects.length = 0
      via = []
      actor.send(event)
      const after = actor.getSnapshot()
      if (after === before) return undefined
      if (after.status === 'error') throw after.error
      const record = recordOf(after.value, after.context.record, event, epoch)
      // The index of the next transition is part of the ids of its effects.
      Object.assign(after.context, { record })
      return { from: before.value, via, record, effects: effects.slice() }
    },
  }
}

function recordOf(
  state: DispatchState,
  record: DispatchRecord,
  { at }: DispatchEvent,
  epoch: number,
): DispatchRecord {
  const asks = record.effect !== undefined && !isFinal(state)
  return { ...record, state, at, index: record.index + 1, epoch: asks ? epoch : record.epoch }
}

const ignore = (): void => undefined

function note(inspected: InspectionEvent, via: string[]): void {
  if (inspected.type !== '@xstate.microstep') return
  for (const taken of inspected._transitions) via.push(identityOf(taken))
}

const identities = new WeakMap<AnyTransitionDefinition, string>()

/** `<source state>:<event>:<branch>`: which arrow of the statechart was taken. */
function identityOf(taken: AnyTransitionDefinition): string {
  const known = identities.get(taken)
  if (known !== undefined) return known
  const { source, eventType } = taken
  const branches =
    eventType === '' ? (source.always ?? []) : (source.transitions.get(eventType) ?? [])
  const from = source.path.join('.') || 'any'
  const identity = `${from}:${eventType || 'always'}:${branches.indexOf(taken)}`
  identities.set(taken, identity)
  return identity
}

export const bindingOf = (dispatch: LiveDispatch): string => bindingKey(dispatch.binding)
