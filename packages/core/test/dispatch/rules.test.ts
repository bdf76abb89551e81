import { describe, expect, test } from 'vitest'
import type { Manifest } from '../../src/binding.ts'
import { newDispatch, wakeDispatch, type Moved } from '../../src/dispatch/actor.ts'
import type { DispatchEvent } from '../../src/dispatch/event.ts'
import type { Dispatch, DispatchRecord } from '../../src/dispatch/record.ts'
import { binding } from '../partition/world.ts'

/*
 * The machine by itself: what no partition asks of it yet, and what a partition's stories cannot
 * see one by one. Times are in ms.
 */

const id = `1-0-${'a'.repeat(32)}`
const epoch = 7
const error = { class: 'retryable', name: 'Error', message: 'no' } as const
type Name = DispatchEvent['type']
type Rest<N extends Name> = Omit<Extract<DispatchEvent, { type: N }>, 'type' | 'at' | 'jitter'>

/** Sends events to one dispatch, at 1000, 2000, 3000 ...; the last step is what is looked at. */
function life(over: Partial<Manifest> = {}) {
  const live = newDispatch(id, binding(over))
  let at = 0
  let last: Moved | undefined
  const send = <N extends Name>(type: N, rest: Rest<N>): Moved | undefined => {
    at += 1000
    // Put together from the parts of one of the union's members.
    const moved = live.send({ type, at, jitter: 0, ...rest } as unknown as DispatchEvent, epoch)
    last = moved ?? last
    return moved
  }
  return {
    send,
    get record(): DispatchRecord {
      if (!last) throw new Error('nothing has happened')
      return last.record
    },
    get effects() {
      return last?.effects
    },
  }
}

function running(over: Partial<Manifest> = {}) {
  const one = life(over)
  one.send('dispatch.started', { loop: false, ask: false })
  return one
}

function asking(over: Partial<Manifest> = {}) {
  const one = life(over)
  one.send('dispatch.started', { loop: false, ask: true })
  return one
}

const close = 1000 + binding().timeouts.scheduleToCloseMs

describe('a dispatch', () => {
  test('begins with its first attempt, its deadlines and the epoch it runs in', () => {
    const one = running({ timeouts: { ...binding().timeouts, scheduleToStartMs: 500 } })
    expect(one.record).toEqual({
      state: 'attempting',
      index: 1,
      at: 1000,
      attempt: 1,
      spent: 0,
      alone: false,
      kills: 0,
      epoch,
      effect: `${id}:0:0`,
      timers: { close, start: undefined, attempt: 31_000 },
    })
    expect(one.effects).toEqual([
      { kind: 'runAttempt', id: `${id}:0:0`, dispatch: id, attempt: 1, alone: false },
    ])
  })

  test('that may only run alone does so from the start', () => {
    const one = running({ handler: { kind: 'local', code: 'a'.repeat(32), isolate: true } })
    expect(one.effects).toMatchObject([{ kind: 'runAttempt', alone: true }])
  })

  test('asks first when it must, with a deadline for the answer and one for its start', () => {
    const one = asking({ timeouts: { ...binding().timeouts, scheduleToStartMs: 500 } })
    expect(one.record).toMatchObject({
      state: 'predicate',
      attempt: 0,
      epoch,
      effect: `${id}:0:0`,
      timers: { close, start: 1500, predicate: 31_000 },
    })
    expect(one.effects).toEqual([{ kind: 'evaluatePredicate', id: `${id}:0:0`, dispatch: id }])
    const yes = one.send('predicate.answered', { matched: true })
    expect(yes?.via).toEqual(['predicate:predicate.answered:0', 'flowGated:always:0'])
    expect(one.record).toMatchObject({ attempt: 1, effect: `${id}:1:0` })
    expect(one.record.timers).toEqual({ close, start: undefined, attempt: 32_000 })
  })

  test('too deep in a chain dies without an effect', () => {
    const one = life()
    one.send('dispatch.started', { loop: true, ask: true })
    expect(one.effects).toEqual([])
    expect(one.record).toMatchObject({ state: 'dlq', attempt: 0, epoch: 0, timers: {} })
    expect(one.record.outcome).toEqual({ status: 'dlq', reason: 'loop' })
  })

  test('ignores what has no arrow in its state, and stays as it was', () => {
    const one = running()
    for (const moved of [
      one.send('dispatch.started', { loop: false, ask: false }),
      one.send('predicate.answered', { matched: true }),
      one.send('gate.granted', {}),
      one.send('wait.resolved', { for: 'version' }),
      one.send('timer.due', { timer: 'retry' }),
      one.send('timer.due', { timer: 'wait' }),
      one.send('timer.due', { timer: 'predicate' }),
    ]) {
      expect(moved).toBeUndefined()
    }
    expect(one.send('attempt.succeeded', {})?.record.index).toBe(2)
  })

  test('goes by the timer of its own state, and by no other', () => {
    const asks = asking()
    const waits = running()
    waits.send('version.missing', {})
    const retries = running()
    retries.send('attempt.failed', { error })
    const timers = ['attempt', 'retry', 'wait', 'predicate'] as const
    for (const [one, own] of [
      [asks, 'predicate'],
      [waits, 'wait'],
      [retries, 'retry'],
    ] as const) {
      for (const timer of timers.filter((name) => name !== own)) {
        expect(one.send('timer.due', { timer })).toBeUndefined()
      }
      expect(one.send('timer.due', { timer: own })).toBeDefined()
    }
  })

  test('that has not started in time is over, whatever it waits for', () => {
    const asks = asking()
    const waits = asking()
    waits.send('version.missing', {})
    for (const one of [asks, waits]) {
      const { record, effects } = one.send('timer.due', { timer: 'start' }) ?? {}
      expect(record).toMatchObject({ state: 'dlq', effect: undefined, timers: {} })
      expect(record?.outcome).toEqual({ status: 'dlq', reason: 'expired' })
      expect(effects).toEqual([])
    }
  })

  test('of another machine is not woken', () => {
    const record = running().record
    const ref = { stream: 's', seq: 1, index: 0, hash: 'h' }
    const origin = { binding: 'label@v1', event: id, ref, tenant: 't', ordinal: 1, machine: 2 }
    const dispatch: Dispatch = { id, origin, record, head: 'h' }
    expect(() => wakeDispatch(dispatch, binding())).toThrow(
      `${id} lives under machine 2, this build has 1`,
    )
    const woken = wakeDispatch({ ...dispatch, origin: { ...origin, machine: 1 } }, binding())
    expect(woken.send({ type: 'attempt.succeeded', at: 5000 }, 9)?.record).toMatchObject({
      state: 'succeeded',
      index: 2,
      epoch,
    })
  })
})

describe('the end', () => {
  const forgets = { effect: undefined, waitFor: undefined, timers: {} }

  test('tells who ended it, and stops what runs with the reason', () => {
    const cancelled = running()
    cancelled.send('cancel.requested', { by: 'op', reason: 'enough' })
    expect(cancelled.record).toMatchObject({
      ...forgets,
      state: 'cancelled',
      outcome: { status: 'cancelled', by: 'op', reason: 'enough' },
    })
    const superseded = running()
    superseded.send('dispatch.superseded', { by: 'a newer one' })
    expect(superseded.record).toMatchObject({
      ...forgets,
      state: 'superseded',
      outcome: { status: 'superseded', by: 'a newer one' },
    })
    const expired = running()
    expired.send('timer.due', { timer: 'close' })
    expect(expired.record).toMatchObject({
      ...forgets,
      state: 'dlq',
      outcome: { status: 'dlq', reason: 'expired' },
    })
    expect([cancelled, superseded, expired].map(({ effects }) => effects)).toEqual(
      ['cancelled', 'superseded', 'expired'].map((reason) => [
        { kind: 'abortAttempt', id: `${id}:1:0`, dispatch: id, attempt: 1, reason },
      ]),
    )
  })

  test('stops nobody where nothing runs', () => {
    const one = running()
    one.send('attempt.failed', { error })
    one.send('cancel.requested', { by: 'op', reason: 'enough' })
    expect([one.record.state, one.effects]).toEqual(['cancelled', []])
  })

  test.each([
    [{ matched: false, reason: 'not ours' }, 'not ours'],
    [{ matched: false }, 'filter false'],
  ] as const)('by a predicate that says %j keeps its reason', (answer, reason) => {
    const one = asking()
    one.send('predicate.answered', answer)
    expect(one.record).toMatchObject({ ...forgets, state: 'skipped' })
    expect(one.record.outcome).toEqual({ status: 'skipped', stage: 'predicate', reason })
  })

  test('by a predicate that says nothing in time is a skip', () => {
    const one = asking()
    one.send('timer.due', { timer: 'predicate' })
    expect(one.record.state).toBe('skipped')
    expect(one.record.outcome).toEqual({ status: 'skipped', stage: 'predicate', reason: 'timeout' })
  })

  test.each([
    ['denied', 'dlq', 'dlq', 'denied'],
    ['permanent', 'dlq', 'dlq', 'permanent'],
    ['cancelled', 'dlq', 'dlq', 'permanent'],
    ['denied', 'fail', 'dlq', 'denied'],
  ] as const)('by an error that is %s, with %s: %s', (of, onPermanentError, state, reason) => {
    const one = running({ onPermanentError })
    one.send('attempt.failed', { error: { ...error, class: of } })
    expect(one.record).toMatchObject({ state, spent: 1, outcome: { status: 'dlq', reason } })
    expect(one.record.error).toMatchObject({ class: of })
  })

  test('by the last failure keeps the error', () => {
    const one = running({ retry: { kind: 'immediate', maxAttempts: 2, jitter: 'none' } })
    one.send('attempt.failed', { error })
    one.send('timer.due', { timer: 'retry' })
    one.send('attempt.failed', { error })
    expect(one.record).toMatchObject({ state: 'dlq', attempt: 2, spent: 2, error, timers: {} })
    expect(one.record.outcome).toEqual({ status: 'dlq', reason: 'retry_exhausted' })
  })

  test('by success has nothing to tell', () => {
    const one = running()
    one.send('attempt.succeeded', {})
    expect(one.record).toMatchObject({ ...forgets, state: 'succeeded' })
    expect(one.record.outcome).toEqual({ status: 'succeeded' })
  })

  test('as failed keeps the error, and is no dead letter', () => {
    const one = running({ onPermanentError: 'fail' })
    one.send('attempt.failed', { error: { ...error, class: 'permanent' } })
    expect(one.record).toMatchObject({ state: 'failed', spent: 1, outcome: { status: 'failed' } })
    expect(one.record.error).toMatchObject({ class: 'permanent' })
  })
})

describe('an attempt', () => {
  test('that failed waits as its policy says, or as long as it was asked to', () => {
    const one = running()
    one.send('attempt.failed', { error })
    expect(one.record).toMatchObject({ state: 'retryWait', effect: undefined, spent: 1, error })
    expect(one.record.timers).toEqual({ close, start: undefined, retry: 3000 })
    one.send('timer.due', { timer: 'retry' })
    expect(one.record).toMatchObject({ state: 'attempting', attempt: 2, spent: 1 })
    one.send('attempt.failed', { error: { ...error, afterMs: 60_000 } })
    expect(one.record.timers.retry).toBe(64_000)
  })

  test('that says nothing in time is stopped, spent and tried again; the last one is the end', () => {
    const one = running({ retry: { kind: 'fixed', delayMs: 10, maxAttempts: 2, jitter: 'none' } })
    one.send('timer.due', { timer: 'attempt' })
    const timeout = {
      class: 'timeout',
      name: 'AttemptTimeout',
      message: 'no result within 30000 ms',
    }
    expect(one.record).toMatchObject({ state: 'retryWait', spent: 1, error: timeout })
    expect(one.record.timers).toEqual({ close, start: undefined, retry: 2010 })
    expect(one.effects).toMatchObject([{ kind: 'abortAttempt', attempt: 1, reason: 'timeout' }])
    one.send('timer.due', { timer: 'retry' })
    one.send('timer.due', { timer: 'attempt' })
    expect(one.record).toMatchObject({ state: 'dlq', spent: 2, error: timeout })
    expect(one.record.outcome).toEqual({ status: 'dlq', reason: 'retry_exhausted' })
    expect(one.effects).toMatchObject([{ kind: 'abortAttempt', attempt: 2, reason: 'timeout' }])
  })

  test('that was lost runs alone from then on; only a death alone is a kill', () => {
    const one = running({ retry: { kind: 'immediate', maxAttempts: 9, jitter: 'none' } })
    one.send('attempt.lost', { alone: false })
    const message = 'the process it ran in died or lost the partition'
    expect(one.record).toMatchObject({
      state: 'attempting',
      attempt: 2,
      spent: 1,
      alone: true,
      kills: 0,
      error: { class: 'lost', name: 'AttemptLost', message },
    })
    expect(one.effects).toMatchObject([{ kind: 'runAttempt', attempt: 2, alone: true }])
    one.send('attempt.lost', { alone: true })
    expect(one.record).toMatchObject({ kills: 1, error: { message: 'its own process died' } })
    one.send('attempt.lost', { alone: false })
    expect(one.record).toMatchObject({ kills: 1, spent: 3, attempt: 4 })
    one.send('attempt.lost', { alone: true })
    one.send('attempt.lost', { alone: true })
    expect(one.record).toMatchObject({ state: 'dlq', kills: 3 })
    expect(one.record.outcome).toEqual({ status: 'dlq', reason: 'poison' })
  })

  test('whose last one is lost is a dead letter, and counted', () => {
    const one = running({ retry: { kind: 'immediate', maxAttempts: 1, jitter: 'none' } })
    one.send('attempt.lost', { alone: false })
    expect(one.record).toMatchObject({ state: 'dlq', spent: 1 })
    expect(one.record.outcome).toEqual({ status: 'dlq', reason: 'lost' })
  })

  test('that was parked comes back at once and is not spent', () => {
    const one = running()
    one.send('attempt.parked', {})
    expect(one.record).toMatchObject({
      state: 'retryWait',
      spent: 0,
      timers: { close, retry: 2000 },
    })
  })

  test('without its code waits for it, for so long; then it runs, or expires', () => {
    const one = running()
    one.send('version.missing', {})
    expect(one.record).toMatchObject({ state: 'waiting', waitFor: 'version', spent: 0 })
    expect(one.record.timers).toEqual({ close, start: undefined, wait: 86_402_000 })
    one.send('wait.resolved', { for: 'version' })
    expect(one.record).toMatchObject({ state: 'attempting', attempt: 2, waitFor: undefined })
    expect(one.record.timers).toEqual({ close, start: undefined, attempt: 33_000 })
    one.send('version.missing', {})
    one.send('timer.due', { timer: 'wait' })
    expect(one.record.state).toBe('dlq')
    expect(one.record.outcome).toEqual({ status: 'dlq', reason: 'expired' })
  })

  test('may wait for something else, with an end or without one', () => {
    const one = running()
    one.send('wait.began', { for: 'approval', until: 50_000 })
    expect(one.record).toMatchObject({ state: 'waiting', waitFor: 'approval' })
    expect(one.record.timers).toEqual({ close, start: undefined, wait: 50_000 })
    one.send('wait.resolved', { for: 'approval' })
    one.send('wait.began', { for: 'signal' })
    expect(one.record).toMatchObject({ state: 'waiting', waitFor: 'signal' })
    expect(one.record.timers).toEqual({ close, start: undefined })
  })

  test('keeps the gist of an error: 256 characters, and no half of one', () => {
    const kept = (message: string): string | undefined => {
      const one = running()
      one.send('attempt.failed', { error: { ...error, message } })
      return one.record.error?.message
    }
    expect(kept('x'.repeat(300))).toBe('x'.repeat(256))
    expect(kept(`${'x'.repeat(255)}😀 and more`)).toBe('x'.repeat(255))
    expect(kept(`${'x'.repeat(254)}😀 and more`)).toBe(`${'x'.repeat(254)}😀`)
    expect(kept(`${'x'.repeat(255)}\u{e000}`)).toBe(`${'x'.repeat(255)}\u{e000}`)
    expect(kept('')).toBe('')
  })
})

describe('a predicate', () => {
  test('whose host died is asked again under another id', () => {
    const one = asking()
    one.send('attempt.lost', { alone: false })
    expect(one.record).toMatchObject({ state: 'predicate', spent: 0, effect: `${id}:1:0` })
    expect(one.effects).toEqual([{ kind: 'evaluatePredicate', id: `${id}:1:0`, dispatch: id }])
    expect(one.record.timers).toEqual({ close, start: undefined, predicate: 32_000 })
  })

  test('without its code waits for it, and is asked then', () => {
    const one = asking()
    one.send('version.missing', {})
    expect(one.record).toMatchObject({ state: 'waiting', waitFor: 'version' })
    one.send('wait.resolved', { for: 'version' })
    expect(one.record).toMatchObject({ state: 'predicate', attempt: 0, waitFor: undefined })
    expect(one.effects).toMatchObject([{ kind: 'evaluatePredicate' }])
  })
})

describe('at a gate', () => {
  const waiting: DispatchRecord = {
    ...running().record,
    state: 'flowGated',
    attempt: 0,
    effect: undefined,
    timers: { close, start: 5000 },
  }
  const ref = { stream: 's', seq: 1, index: 0, hash: 'h' }
  const origin = { binding: 'label@v1', event: id, ref, tenant: 't', ordinal: 1, machine: 1 }
  const send = (event: DispatchEvent): Moved | undefined =>
    wakeDispatch({ id, origin, record: waiting, head: 'h' }, binding()).send(event, epoch)

  test('a dispatch runs when it is let in, and ends with the gate’s reason when not', () => {
    expect(send({ type: 'gate.granted', at: 2000 })?.record).toMatchObject({
      state: 'attempting',
      attempt: 1,
      timers: { close, attempt: 32_000 },
    })
    const refused = send({ type: 'gate.refused', at: 2000, gate: 'rate', reason: '5 in 1 s' })
    expect(refused?.record).toMatchObject({
      state: 'skipped',
      timers: {},
      outcome: { status: 'skipped', stage: 'gate', reason: 'rate: 5 in 1 s' },
    })
  })

  test('it expires when it is not let in before its start is due', () => {
    const expired = send({ type: 'timer.due', at: 5000, timer: 'start', jitter: 0 })
    expect(expired?.record.state).toBe('dlq')
    expect(expired?.record.outcome).toEqual({ status: 'dlq', reason: 'expired' })
    expect(expired?.effects).toEqual([])
  })
})
