import { assign } from 'xstate'
import type { Manifest } from '../binding.ts'
import type { AttemptError } from '../fault.ts'
import { delayMs } from '../retry.ts'
import type { Effect } from './effect.ts'
import type { DispatchEvent } from './event.ts'
import type { Standing } from './flow.ts'
import type { DispatchRecord, Outcome } from './record.ts'

/*
 * What the dispatch machine's guards ask and its actions change. Each is a function of the record
 * and the event; nothing here knows the statechart.
 */

export interface DispatchContext {
  readonly id: string
  readonly binding: Manifest
  readonly record: DispatchRecord
  /**
   * Where actions put the effects they ask for. The one mutable thing in here: it belongs to the
   * actor, which empties it before every event, and is never persisted.
   */
  readonly effects: Effect[]
}

interface Step {
  readonly context: DispatchContext
  readonly event: DispatchEvent
}
type Changes = Partial<DispatchRecord>

/** What every end and every change of place forgets: the awaited effect and the passing timers. */
export const settled: Changes = { effect: undefined, timers: {} }

export function askPredicate({ context, event }: Step): Changes {
  const id = emit(context, (effectId) => ({
    kind: 'evaluatePredicate',
    id: effectId,
    dispatch: context.id,
  }))
  return { effect: id, timers: { predicate: event.at + context.binding.timeouts.predicateMs } }
}

export function beginAttempt({ context, event }: Step): Changes {
  const attempt = context.record.attempt + 1
  const alone = context.record.alone || context.binding.handler.isolate
  const id = emit(context, (effectId) => ({
    kind: 'runAttempt',
    id: effectId,
    dispatch: context.id,
    attempt,
    alone,
  }))
  const { attemptMs } = context.binding.timeouts
  return { attempt, effect: id, timers: { attempt: event.at + attemptMs, start: undefined } }
}

/** Only an attempt that runs can be told to stop; elsewhere there is nobody to tell. */
export function abortAttempt({ context, event }: Step): Changes {
  const { record } = context
  if (record.state === 'attempting') {
    emit(context, (id) => ({
      kind: 'abortAttempt',
      id,
      dispatch: context.id,
      attempt: record.attempt,
      reason: abortReason(event),
    }))
  }
  return settled
}

function abortReason(event: DispatchEvent): 'timeout' | 'cancelled' | 'superseded' | 'expired' {
  if (event.type === 'cancel.requested') return 'cancelled'
  if (event.type === 'dispatch.superseded') return 'superseded'
  return event.type === 'timer.due' && event.timer === 'close' ? 'expired' : 'timeout'
}

export function noteFailure({ context, event }: Step): Changes {
  const error = event.type === 'attempt.failed' ? summary(event.error) : undefined
  return { ...settled, spent: context.record.spent + 1, error }
}

export function noteTimeout({ context }: Step): Changes {
  const { attemptMs } = context.binding.timeouts
  return {
    ...settled,
    spent: context.record.spent + 1,
    error: {
      class: 'timeout',
      name: 'AttemptTimeout',
      message: `no result within ${attemptMs} ms`,
    },
  }
}

export function noteLoss({ context, event }: Step): Changes {
  const { record } = context
  const killed = event.type === 'attempt.lost' && event.alone
  return {
    ...settled,
    spent: record.spent + 1,
    alone: true,
    kills: record.kills + (killed ? 1 : 0),
    error: {
      class: 'lost',
      name: 'AttemptLost',
      message: killed ? 'its own process died' : 'the process it ran in died or lost the partition',
    },
  }
}

export function scheduleRetry({ context, event }: Step): Changes {
  if (event.type !== 'attempt.failed' && event.type !== 'timer.due') return {}
  const { retry } = context.binding
  const wanted = delayMs(retry, context.record.spent, event.jitter)
  const floor = event.type === 'attempt.failed' ? (event.error.afterMs ?? 0) : 0
  return { timers: { retry: event.at + Math.max(wanted, floor) } }
}

/** The record repeats in every transition: it keeps the gist, the result input keeps the rest. */
function summary(error: AttemptError): AttemptError {
  const cut = error.message.slice(0, 256)
  const last = cut.charCodeAt(cut.length - 1)
  // Half a surrogate pair cannot be encoded.
  return { ...error, message: last >= 0xd800 && last <= 0xdbff ? cut.slice(0, -1) : cut }
}

export function firstTimers(binding: Manifest, at: number): DispatchRecord['timers'] {
  const { scheduleToStartMs, scheduleToCloseMs } = binding.timeouts
  return {
    close: at + scheduleToCloseMs,
    start: scheduleToStartMs === undefined ? undefined : at + scheduleToStartMs,
  }
}

/** How far the dispatch came with its limits, where this event is one that lets it ask. */
export function standingIn(event: DispatchEvent): Standing | undefined {
  return 'standing' in event ? event.standing : undefined
}

export function standingNoted({ event }: Step): Changes {
  const standing = standingIn(event)
  return standing === undefined ? {} : { flow: standing.flow }
}

/** Nothing stands between it and its attempt. */
export const isOpen = ({ event }: { event: DispatchEvent }): boolean =>
  (standingIn(event)?.result ?? 'open') === 'open'

/**
 * Turned away for good, and not by the circuit, where that means that it is dead, nor by a newer one,
 * where it is superseded, as it is when the answer comes by letter.
 */
export function isTurnedAway({ event }: { event: DispatchEvent }): boolean {
  const standing = standingIn(event)
  const isRefused = standing?.result === 'refused' && standing.reason !== 'circuit_open'
  return isRefused && newerOf(event) === undefined
}

/** The one in whose favour it is superseded. */
export function newerOf(event: DispatchEvent): string | undefined {
  if (event.type === 'dispatch.superseded') return event.by
  const standing = standingIn(event)
  return standing?.result === 'refused' && standing.reason === 'superseded'
    ? standing.by
    : undefined
}

export const isSuperseded = ({ event }: { event: DispatchEvent }): boolean =>
  newerOf(event) !== undefined

export function isBroken({ event }: { event: DispatchEvent }): boolean {
  const standing = standingIn(event)
  return standing?.result === 'refused' && standing.reason === 'circuit_open'
}

export const isDeferred = ({ event }: { event: DispatchEvent }): boolean =>
  standingIn(event)?.result === 'deferred'

/** Until its circuit may let somebody try; no attempt is spent. */
export function comeBack({ event }: Step): Changes {
  const standing = standingIn(event)
  return standing?.result === 'deferred' ? { timers: { retry: standing.until } } : {}
}

/** Which limit, why, with which numbers, and in whose favour. */
export function refusalOf(event: DispatchEvent): string {
  const standing = standingIn(event)
  const refused = standing?.result === 'refused' ? standing : event
  if (!('gate' in refused)) return 'refused'
  const { gate, reason, numbers = {}, by } = refused
  // In an order of their own: a replay finds them as the codec sorts them.
  const names = Object.keys(numbers).sort()
  const counted = names.map((name) => `${name} ${numbers[name]}`)
  const told = [...counted, ...(by === undefined ? [] : [`by ${by}`])].join(', ')
  return told === '' ? `${gate}: ${reason}` : `${gate}: ${reason} (${told})`
}

export function isPermanent({ event }: { event: DispatchEvent }): boolean {
  return (
    event.type === 'attempt.failed' &&
    (event.error.class === 'permanent' || event.error.class === 'cancelled')
  )
}

export function timerIs(timer: Extract<DispatchEvent, { type: 'timer.due' }>['timer']) {
  return ({ event }: { event: DispatchEvent }) =>
    event.type === 'timer.due' && event.timer === timer
}

function emit(context: DispatchContext, make: (id: string) => Effect): string {
  const id = `${context.id}:${context.record.index}:${context.effects.length}`
  context.effects.push(make(id))
  return id
}

/**
 * The deadline of the whole dispatch outlives every change but its end, the deadline of its start
 * every one before the first attempt.
 */
export function change(changes: (step: Step) => Changes) {
  return assign<DispatchContext, DispatchEvent, undefined, DispatchEvent, never>((step) => {
    const { record } = step.context
    const next = changes(step)
    const { close, start } = record.timers
    const timers = next.timers ? { close, start, ...next.timers } : record.timers
    return { record: { ...record, ...next, timers } }
  })
}

export function end<Params = undefined>(outcome: (step: Step, params: Params) => Outcome) {
  return assign<DispatchContext, DispatchEvent, Params, DispatchEvent, never>((step, params) => ({
    record: {
      ...step.context.record,
      effect: undefined,
      waitFor: undefined,
      timers: {},
      outcome: outcome(step, params),
    },
  }))
}
