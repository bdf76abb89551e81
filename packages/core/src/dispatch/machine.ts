import { setup } from 'xstate'
import {
  abortAttempt,
  askPredicate,
  beginAttempt,
  change,
  comeBack,
  end,
  firstTimers,
  isBroken,
  isDeferred,
  isOpen,
  isPermanent,
  isSuperseded,
  isTurnedAway,
  newerOf,
  noteFailure,
  noteLoss,
  noteTimeout,
  refusalOf,
  scheduleRetry,
  settled,
  standingIn,
  standingNoted,
  timerIs,
  type DispatchContext,
} from './deeds.ts'
import type { DispatchEvent } from './event.ts'
import type { DeadReason } from './record.ts'

/** A dispatch keeps the machine it began with; a machine that shipped is never edited. */
export const MACHINE_VERSION = 1

/**
 * The life of one dispatch (SEMANTICS 3). Guards and actions are named after what they mean, so
 * that this reads as a picture:
 *
 *   received -> predicate -> flowGated -> attempting <-> retryWait (-> flowGated)
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
    isUngated: ({ context, event }) =>
      (standingIn(event)?.result ?? (context.record.flow ? 'waiting' : 'open')) === 'open',
    isSuperseded,
    isTurnedAway,
    isBroken,
    isDeferred,
    failsForGood: (step) => isPermanent(step) && step.context.binding.onPermanentError === 'fail',
    isDenied: ({ event }) => event.type === 'attempt.failed' && event.error.class === 'denied',
    isPermanent,
    isExhausted: ({ context }) => context.record.spent + 1 >= context.binding.retry.maxAttempts,
    isPoison: ({ context, event }) =>
      event.type === 'attempt.lost' &&
      event.alone &&
      context.record.kills + 1 >= context.binding.poisonMax,
    isAttemptTimer: timerIs('attempt'),
    isExhaustedTimer: (step) =>
      timerIs('attempt')(step) &&
      step.context.record.spent + 1 >= step.context.binding.retry.maxAttempts,
    isRetryTimer: timerIs('retry'),
    isFreeToRetry: (step) => timerIs('retry')(step) && isOpen(step),
    isFree: isOpen,
    isWaitTimer: timerIs('wait'),
    isPredicateTimer: timerIs('predicate'),
    isStartTimer: timerIs('start'),
    isCloseTimer: timerIs('close'),
    wasAsking: ({ context }) => context.record.attempt === 0,
  },
  actions: {
    start: change(({ context, event }) => ({
      timers: firstTimers(context.binding, event.at),
      ...standingNoted({ context, event }),
    })),
    noteStanding: change(standingNoted),
    beginAdmission: change((step) => ({ timers: {}, ...standingNoted(step) })),
    ask: change(askPredicate),
    beginAttempt: change(beginAttempt),
    settle: change((step) => ({ ...settled, ...standingNoted(step) })),
    abort: change(abortAttempt),
    noteFailure: change(noteFailure),
    noteTimeout: change(noteTimeout),
    noteLoss: change(noteLoss),
    scheduleRetry: change(scheduleRetry),
    comeBack: change(comeBack),
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
    endWait: change((step) => ({ waitFor: undefined, timers: {}, ...standingNoted(step) })),
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
      reason: refusalOf(event),
    })),
    cancel: end(({ event }) =>
      event.type === 'cancel.requested'
        ? { status: 'cancelled', by: event.by, reason: event.reason }
        : { status: 'cancelled', by: 'unknown', reason: event.type },
    ),
    supersede: end(({ event }) => ({
      status: 'superseded',
      by: newerOf(event) ?? 'unknown',
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
    'timer.due': [
      {
        guard: 'isCloseTimer',
        target: '.dlq',
        actions: ['abort', { type: 'die', params: { reason: 'expired' } }],
      },
      // Whatever it waits for before its first attempt: an answer, code, a gate.
      {
        guard: 'isStartTimer',
        target: '.dlq',
        actions: { type: 'die', params: { reason: 'expired' } },
      },
    ],
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
      always: [
        { guard: 'isUngated', target: 'attempting' },
        { guard: 'isTurnedAway', target: 'skipped', actions: 'skipByGate' },
        {
          guard: 'isBroken',
          target: 'dlq',
          actions: { type: 'die', params: { reason: 'circuit_open' } },
        },
        { guard: 'isDeferred', target: 'retryWait', actions: 'comeBack' },
        { guard: 'isSuperseded', target: 'superseded', actions: 'supersede' },
      ],
      on: {
        'gate.granted': [
          { guard: 'isFree', target: 'attempting', actions: 'noteStanding' },
          { guard: 'isTurnedAway', target: 'skipped', actions: 'skipByGate' },
          { actions: 'noteStanding' },
        ],
        'gate.waiting': { actions: 'noteStanding' },
        'circuit.answered': { actions: 'noteStanding' },
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
            actions: [
              'abort',
              'noteTimeout',
              { type: 'die', params: { reason: 'retry_exhausted' } },
            ],
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
      on: {
        'timer.due': [
          { guard: 'isFreeToRetry', target: 'attempting', actions: 'noteStanding' },
          { guard: 'isRetryTimer', target: 'flowGated', actions: 'beginAdmission' },
        ],
      },
    },
    waiting: {
      on: {
        'wait.resolved': [
          { guard: 'wasAsking', target: 'predicate', actions: 'endWait' },
          { guard: 'isFree', target: 'attempting', actions: 'endWait' },
          { target: 'flowGated', actions: 'endWait' },
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
