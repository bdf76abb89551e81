import { assign, setup } from 'xstate'
import type { Manifest } from '../binding.ts'
import type { AttemptError } from '../fault.ts'
import { delayMs } from '../retry.ts'
import type { Effect } from './effect.ts'
import type { DispatchEvent } from './event.ts'
import type { DeadReason, DispatchRecord, Outcome } from './record.ts'

/** A dispatch keeps the machine it began with; a machine that shipped is never edited. */
export const MACHINE_VERSION = 1

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

/**
 * The life of one dispatch (SEMANTICS 3). Guards and actions are named after what they mean, so
 * that this reads as a picture:
 *
 *   received -> predicate -> flowGated -> attempting <-> retryWait
 *                                             \-> waiting
 */
export const dispatchMachine = setup({
  types: {
    context: {} as DispatchContext,
    events: {} as DispatchEvent,
    input: {} as DispatchContext,
  },
  guards: {
    isLoop: ({ event }) => event.type === 'dispatch.started' && event.loop,
    mustAsk: ({ event }) => event.type === 'dispatch.started' && event.ask,
    hasMatched: ({ event }) => event.type === 'predicate.answered' && event.matched,
    // Ledgers are not deployed yet: a manifest cannot name a limit, so nothing is held.
    isUngated: () => true,
    failsForGood: (step) => isPermanent(step) && step.context.binding.onPermanentError === 'fail',
    isDenied: ({ event }) => event.type === 'attempt.failed' && event.error.class === 'denied',
    isPermanent,
    isExhausted: ({ context }) =>
      context.record.spent + 1 >= context.binding.retry.maxAttempts,
    isPoison: ({ context, event }) =>
      event.type === 'attempt.lost' &&
      event.alone &&
      context.record.kills + 1 >= context.binding.poisonMax,
    isAttemptTimer: timerIs('attempt'),
    isExhaustedTimer: (step) =>
      timerIs('attempt')(step) &&
      step.context.record.spent + 1 >= step.context.binding.retry.maxAttempts,
    isRetryTimer: timerIs('retry'),
    isWaitTimer: timerIs('wait'),
    isPredicateTimer: timerIs('predicate'),
    isStartTimer: timerIs('start'),
    isCloseTimer: timerIs('close'),
    wasAsking: ({ context }) => context.record.attempt === 0,
  },
  actions: {
    start: change(({ context, event }) => ({ timers: firstTimers(context.binding, event.at) })),
    ask: change(askPredicate),
    beginAttempt: change(beginAttempt),
    settle: change(() => settled),
    abort: change(abortAttempt),
    noteFailure: change(noteFailure),
    noteTimeout: change(noteTimeout),
    noteLoss: change(noteLoss),
    scheduleRetry: change(scheduleRetry),
    retryAtOnce: change(({ event }) => ({ timers: { retry: event.at } })),
    awaitVersion: change(({ context, event }) => ({
      waitFor: 'version',
      timers: { wait: event.at + context.binding.timeouts.versionWaitMs },
    })),
    awaitReason: change(({ event }) =>
      event.type === 'wait.began'
        ? { waitFor: event.for, timers: event.until === undefined ? {} : { wait: event.until } }
        : {},
    ),
    endWait: change(() => ({ waitFor: undefined, timers: {} })),
    succeed: end(() => ({ status: 'succeeded' })),
    fail: end(() => ({ status: 'failed' })),
    skipByPredicate: end(({ event }) => ({
      status: 'skipped',
      stage: 'predicate',
      reason: event.type === 'predicate.answered' ? (event.reason ?? 'filter false') : 'timeout',
    })),
    skipByGate: end(({ event }) => ({
      status: 'skipped',
      stage: 'gate',
      reason: event.type === 'gate.refused' ? `${event.gate}: ${event.reason}` : 'refused',
    })),
    cancel: end(({ event }) =>
      event.type === 'cancel.requested'
        ? { status: 'cancelled', by: event.by, reason: event.reason }
        : { status: 'cancelled', by: 'unknown', reason: event.type },
    ),
    supersede: end(({ event }) => ({
      status: 'superseded',
      by: event.type === 'dispatch.superseded' ? event.by : 'unknown',
    })),
    die: end((_step, params: { reason: DeadReason }) => ({ status: 'dlq', ...params })),
  },
}).createMachine({
  id: 'dispatch',
  initial: 'received',
  context: ({ input }) => input,
  on: {
    'cancel.requested': { target: '.cancelled', actions: ['abort', 'cancel'] },
    'dispatch.superseded': { target: '.superseded', actions: ['abort', 'supersede'] },
    'timer.due': {
      guard: 'isCloseTimer',
      target: '.dlq',
      actions: ['abort', { type: 'die', params: { reason: 'expired' } }],
    },
  },
  states: {
    received: {
      on: {
        'dispatch.started': [
          { guard: 'isLoop', target: 'dlq', actions: { type: 'die', params: { reason: 'loop' } } },
          { guard: 'mustAsk', target: 'predicate', actions: 'start' },
          { target: 'flowGated', actions: 'start' },
        ],
      },
    },
    predicate: {
      entry: 'ask',
      on: {
        'predicate.answered': [
          { guard: 'hasMatched', target: 'flowGated', actions: 'settle' },
          { target: 'skipped', actions: 'skipByPredicate' },
        ],
        'timer.due': { guard: 'isPredicateTimer', target: 'skipped', actions: 'skipByPredicate' },
        'attempt.lost': { target: 'predicate', reenter: true },
        'version.missing': { target: 'waiting', actions: 'awaitVersion' },
      },
    },
    flowGated: {
      always: { guard: 'isUngated', target: 'attempting' },
      on: {
        'gate.granted': { target: 'attempting' },
        'gate.refused': { target: 'skipped', actions: 'skipByGate' },
        'timer.due': {
          guard: 'isStartTimer',
          target: 'dlq',
          actions: { type: 'die', params: { reason: 'expired' } },
        },
      },
    },
    attempting: {
      entry: 'beginAttempt',
      on: {
        'attempt.succeeded': { target: 'succeeded', actions: 'succeed' },
        'attempt.failed': [
          { guard: 'failsForGood', target: 'failed', actions: ['noteFailure', 'fail'] },
          {
            guard: 'isDenied',
            target: 'dlq',
            actions: ['noteFailure', { type: 'die', params: { reason: 'denied' } }],
          },
          {
            guard: 'isPermanent',
            target: 'dlq',
            actions: ['noteFailure', { type: 'die', params: { reason: 'permanent' } }],
          },
          {
            guard: 'isExhausted',
            target: 'dlq',
            actions: ['noteFailure', { type: 'die', params: { reason: 'retry_exhausted' } }],
          },
          { target: 'retryWait', actions: ['noteFailure', 'scheduleRetry'] },
        ],
        'timer.due': [
          {
            guard: 'isExhaustedTimer',
            target: 'dlq',
            actions: ['abort', 'noteTimeout', { type: 'die', params: { reason: 'retry_exhausted' } }],
          },
          {
            guard: 'isAttemptTimer',
            target: 'retryWait',
            actions: ['abort', 'noteTimeout', 'scheduleRetry'],
          },
        ],
        'attempt.lost': [
          {
            guard: 'isPoison',
            target: 'dlq',
            actions: ['noteLoss', { type: 'die', params: { reason: 'poison' } }],
          },
          {
            guard: 'isExhausted',
            target: 'dlq',
            actions: ['noteLoss', { type: 'die', params: { reason: 'lost' } }],
          },
          { target: 'attempting', reenter: true, actions: 'noteLoss' },
        ],
        'attempt.parked': { target: 'retryWait', actions: 'retryAtOnce' },
        'version.missing': { target: 'waiting', actions: 'awaitVersion' },
        'wait.began': { target: 'waiting', actions: 'awaitReason' },
      },
    },
    retryWait: {
      on: { 'timer.due': { guard: 'isRetryTimer', target: 'attempting' } },
    },
    waiting: {
      on: {
        'wait.resolved': [
          { guard: 'wasAsking', target: 'predicate', actions: 'endWait' },
          { target: 'attempting', actions: 'endWait' },
        ],
        'timer.due': {
          guard: 'isWaitTimer',
          target: 'dlq',
          actions: { type: 'die', params: { reason: 'expired' } },
        },
      },
    },
    succeeded: { type: 'final' },
    skipped: { type: 'final' },
    failed: { type: 'final' },
    cancelled: { type: 'final' },
    superseded: { type: 'final' },
    dlq: { type: 'final' },
  },
})

/** What every end and every change of place forgets: the awaited effect and the passing timers. */
const settled: Changes = { effect: undefined, timers: {} }

function askPredicate({ context, event }: Step): Changes {
  const id = emit(context, (effectId) => ({
    kind: 'evaluatePredicate',
    id: effectId,
    dispatch: context.id,
  }))
  return { effect: id, timers: { predicate: event.at + context.binding.timeouts.predicateMs } }
}

function beginAttempt({ context, event }: Step): Changes {
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
function abortAttempt({ context, event }: Step): Changes {
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

function noteFailure({ context, event }: Step): Changes {
  const error = event.type === 'attempt.failed' ? summary(event.error) : undefined
  return { ...settled, spent: context.record.spent + 1, error }
}

function noteTimeout({ context }: Step): Changes {
  const { attemptMs } = context.binding.timeouts
  return {
    ...settled,
    spent: context.record.spent + 1,
    error: { class: 'timeout', name: 'AttemptTimeout', message: `no result within ${attemptMs} ms` },
  }
}

function noteLoss({ context, event }: Step): Changes {
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

function scheduleRetry({ context, event }: Step): Changes {
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

function firstTimers(binding: Manifest, at: number): DispatchRecord['timers'] {
  const { scheduleToStartMs, scheduleToCloseMs } = binding.timeouts
  return {
    close: at + scheduleToCloseMs,
    start: scheduleToStartMs === undefined ? undefined : at + scheduleToStartMs,
  }
}

function isPermanent({ event }: { event: DispatchEvent }): boolean {
  return (
    event.type === 'attempt.failed' &&
    (event.error.class === 'permanent' || event.error.class === 'cancelled')
  )
}

function timerIs(timer: Extract<DispatchEvent, { type: 'timer.due' }>['timer']) {
  return ({ event }: { event: DispatchEvent }) => event.type === 'timer.due' && event.timer === timer
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
function change(changes: (step: Step) => Changes) {
  return assign<DispatchContext, DispatchEvent, undefined, DispatchEvent, never>((step) => {
    const { record } = step.context
    const next = changes(step)
    const { close, start } = record.timers
    const timers = next.timers ? { close, start, ...next.timers } : record.timers
    return { record: { ...record, ...next, timers } }
  })
}

function end<Params = undefined>(outcome: (step: Step, params: Params) => Outcome) {
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
