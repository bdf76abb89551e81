import { expect, test } from 'vitest'
import {
  mustQuarantine,
  nextDue,
  type Effect,
  type EffectOf,
  type EffectResult,
  type Manifest,
  type Transition,
} from '../../src/index.ts'
import {
  answer,
  beginEpoch,
  binding,
  cancelLetter,
  createWorld,
  deploy,
  refOf,
  sendEvent,
  settleTicks,
  type World,
} from './world.ts'

/*
 * The rules of SEMANTICS that a partition decides alone, each as a story. Times are in ms.
 */

function ready(over: Partial<Manifest> = {}): World {
  const world = createWorld()
  deploy(world, [binding(over)])
  beginEpoch(world)
  return world
}

const transitions = (world: World): Transition[] =>
  world.stepped.flatMap(({ entry }) => entry.facts).filter((fact) => fact.kind === 'transition')

const path = (world: World): string[] => transitions(world).map(({ to }) => to)

const last = (world: World): Transition => {
  const found = transitions(world).at(-1)
  if (!found) throw new Error('no transition')
  return found
}

function attempt(world: World): EffectOf<'runAttempt'> {
  const running = world.pending.findLast((one: Effect) => one.kind === 'runAttempt')
  if (running?.kind !== 'runAttempt') throw new Error('nothing runs')
  return running
}

const ok: EffectResult = { status: 'succeeded', sent: [], ms: 1 }
type Failure = Extract<EffectResult, { status: 'failed' }>
const failed = (error: Partial<Failure['error']> = {}): Failure => ({
  status: 'failed',
  error: { class: 'retryable', name: 'Error', message: 'no', ...error },
  sent: [],
  ms: 1,
})

test('1.4 the same event twice starts one dispatch; other content is recorded as divergent', () => {
  const world = ready()
  sendEvent(world, { key: 'k' })
  expect(sendEvent(world, { key: 'k' }).entry.facts).toEqual([
    { kind: 'event.duplicate', divergent: false },
  ])
  expect(sendEvent(world, { key: 'k', data: 'other' }).entry.facts).toEqual([
    { kind: 'event.duplicate', divergent: true },
  ])
  expect(world.partition.started).toBe(1)
})

test('1.4 after the window the same id is another event, with a dispatch of its own', () => {
  const world = ready()
  sendEvent(world, { key: 'k' })
  const first = last(world).dispatch
  world.now += 26 * 3_600_000
  settleTicks(world)
  sendEvent(world, { key: 'k' })
  expect(last(world).dispatch).not.toBe(first)
})

test('1.5 a chain of the greatest depth passes, one deeper is dead-lettered as loop', () => {
  const world = ready({ maxChainDepth: 2 })
  sendEvent(world, { depth: 2 })
  expect(last(world).to).toBe('attempting')
  sendEvent(world, { depth: 3 })
  expect(last(world).record.outcome).toEqual({ status: 'dlq', reason: 'loop' })
  expect(world.pending).toHaveLength(1)
})

test('1.6 and 2.3 what does not match, or cannot be judged, starts nothing and is remembered', () => {
  const world = ready()
  for (const verdict of ['filtered', 'error'] as const) {
    const { entry } = sendEvent(world, { key: verdict, verdict })
    expect(entry.facts).toEqual([{ kind: 'event.seen' }])
  }
  sendEvent(world, { type: 'unknown', key: 'u' })
  expect(world.partition.started).toBe(0)
})

test('2.2 a dispatch keeps the version that it began with', () => {
  const world = ready()
  sendEvent(world)
  deploy(world, [
    binding({ version: 2, retry: { kind: 'immediate', maxAttempts: 1, jitter: 'none' } }),
  ])
  answer(world, attempt(world), failed())
  expect(last(world).to).toBe('retryWait')
  sendEvent(world)
  answer(world, attempt(world), failed())
  expect(last(world).record.outcome).toEqual({ status: 'dlq', reason: 'retry_exhausted' })
})

test('2.2 without the code of its version it waits, and runs when a host has it', () => {
  const world = ready()
  sendEvent(world)
  answer(world, attempt(world), { status: 'unhosted' })
  expect(last(world).record).toMatchObject({ state: 'waiting', waitFor: 'version', spent: 0 })
  beginEpoch(world)
  settleTicks(world)
  expect(last(world).to).toBe('attempting')
})

test('2.2 the wait for a version has an end', () => {
  const world = ready()
  sendEvent(world)
  answer(world, attempt(world), { status: 'unhosted' })
  world.now += 24 * 3_600_000
  settleTicks(world)
  expect(last(world).record.outcome).toEqual({ status: 'dlq', reason: 'expired' })
})

test('3.1 a predicate that is an effect is asked once; its answer decides', () => {
  const world = ready()
  sendEvent(world, { verdict: 'ask' })
  const [asked] = world.pending
  if (!asked) throw new Error('nothing asked')
  answer(world, asked, { status: 'judged', matched: false, reason: 'not ours', ms: 1 })
  expect(last(world).record.outcome).toEqual({
    status: 'skipped',
    stage: 'predicate',
    reason: 'not ours',
  })
  sendEvent(world, { verdict: 'ask' })
  answer(world, world.pending[0] as Effect, { status: 'judged', matched: true, ms: 1 })
  expect(last(world).to).toBe('attempting')
})

test('3.5 an attempt that takes too long is told to stop, counts, and is tried again', () => {
  const world = ready()
  sendEvent(world)
  const running = attempt(world)
  world.now += 30_000
  const tick = world.take({ kind: 'tick' })
  expect(tick.entry.effects).toMatchObject([
    { kind: 'abortAttempt', dispatch: running.dispatch, reason: 'timeout' },
  ])
  expect(last(world).record).toMatchObject({ state: 'retryWait', spent: 1 })
  expect(last(world).record.error).toMatchObject({ class: 'timeout' })
})

test('3.5 the deadline of the whole dispatch ends it wherever it is', () => {
  const world = ready({
    timeouts: { ...binding().timeouts, scheduleToCloseMs: 1500, attemptMs: 1000 },
  })
  sendEvent(world)
  world.now += 1000
  settleTicks(world)
  world.now += 500
  settleTicks(world)
  expect(path(world)).toEqual(['attempting', 'retryWait', 'dlq'])
  expect(last(world).record.outcome).toEqual({ status: 'dlq', reason: 'expired' })
})

test('4.1 a permanent error ends it, as a dead letter or as failed, as the binding says', () => {
  for (const [onPermanentError, to] of [
    ['dlq', 'dlq'],
    ['fail', 'failed'],
  ] as const) {
    const world = ready({ onPermanentError })
    sendEvent(world)
    answer(world, attempt(world), failed({ class: 'permanent' }))
    expect(last(world).to).toBe(to)
  }
})

test('4.1 Retry-After is honoured when it is longer than the policy', () => {
  const world = ready()
  sendEvent(world)
  answer(world, attempt(world), failed({ class: 'rate_limited', afterMs: 60_000 }))
  expect(last(world).record.timers.retry).toBe(world.now + 60_000)
})

test('4.2 attempts are counted, waited for, and exhausted', () => {
  const world = ready()
  sendEvent(world)
  for (const spent of [1, 2]) {
    answer(world, attempt(world), failed())
    expect(last(world).record).toMatchObject({ state: 'retryWait', spent })
    expect(nextDue(world.partition)).toBe(world.now + 1000)
    world.now += 1000
    settleTicks(world)
  }
  answer(world, attempt(world), failed())
  expect(last(world).record).toMatchObject({
    attempt: 3,
    outcome: { status: 'dlq', reason: 'retry_exhausted' },
  })
  expect(nextDue(world.partition)).toBeUndefined()
})

test('4.3 a drained attempt is not spent and runs again at once', () => {
  const world = ready()
  sendEvent(world)
  answer(world, attempt(world), { status: 'parked' })
  expect(last(world).record).toMatchObject({ state: 'retryWait', spent: 0 })
  settleTicks(world)
  expect(last(world).record).toMatchObject({ state: 'attempting', attempt: 2, spent: 0 })
})

test('12.1 cancel reaches a running dispatch, and its late result is a note', () => {
  const world = ready()
  sendEvent(world)
  const running = attempt(world)
  const { entry } = cancelLetter(world, { kind: 'dispatch', dispatch: running.dispatch })
  expect(entry.effects).toMatchObject([
    { kind: 'abortAttempt', reason: 'cancelled' },
    { kind: 'reply', body: { kind: 'cancelled', dispatches: 1 } },
  ])
  expect(answer(world, running, ok).entry.facts).toEqual([
    { kind: 'result.late', effect: running.id, status: 'succeeded' },
  ])
  const again = cancelLetter(world, { kind: 'dispatch', dispatch: running.dispatch })
  expect(again.entry.effects).toMatchObject([{ body: { code: 'not_cancellable' } }])
})

test('12.1 cancel by event and by filter reaches all that were open when it was asked', () => {
  const world = createWorld()
  deploy(world, [binding(), binding({ id: 'audit' })])
  beginEpoch(world)
  for (let sent = 0; sent < 300; sent++) sendEvent(world)
  cancelLetter(world, { kind: 'filter', binding: 'audit' })
  sendEvent(world, { key: 'later' })
  settleTicks(world)
  expect(world.partition.dispatches.size).toBe(302)
  expect(world.stepped.at(-1)?.entry.effects).toContainEqual(
    expect.objectContaining({
      kind: 'reply',
      body: { kind: 'cancelled', dispatches: 300, more: false },
    }),
  )
  const newest = [...world.partition.dispatches.values()].at(-1)
  cancelLetter(world, { kind: 'event', event: newest?.origin.event ?? '' })
  settleTicks(world)
  expect(world.partition.dispatches.size).toBe(300)
})

test('12.2 an attempt whose host died is lost, spent, and runs again alone', () => {
  const world = ready()
  sendEvent(world)
  const running = attempt(world)
  beginEpoch(world)
  expect(nextDue(world.partition)).toBe(0)
  settleTicks(world)
  expect(last(world).event.type).toBe('attempt.lost')
  expect(last(world).record).toMatchObject({
    state: 'attempting',
    attempt: 2,
    spent: 1,
    alone: true,
  })
  expect(attempt(world)).toMatchObject({ alone: true })
  expect(answer(world, running, ok).entry.facts[0]?.kind).toBe('result.late')
})

test('12.2 the last attempt lost with its host is a dead letter', () => {
  const world = ready({ retry: { kind: 'immediate', maxAttempts: 1, jitter: 'none' } })
  sendEvent(world)
  beginEpoch(world)
  settleTicks(world)
  expect(last(world).record.outcome).toEqual({ status: 'dlq', reason: 'lost' })
})

test('12.3 what kills its process three times alone is dead-lettered as poison', () => {
  const world = ready({ retry: { kind: 'immediate', maxAttempts: 10, jitter: 'none' } })
  sendEvent(world)
  beginEpoch(world)
  settleTicks(world)
  for (let kill = 0; kill < 3; kill++) {
    expect(last(world).to).toBe('attempting')
    answer(world, attempt(world), { status: 'killed', reason: 'SIGSEGV' })
  }
  expect(last(world).record.outcome).toEqual({ status: 'dlq', reason: 'poison' })
})

test('12.3 epochs that end before an input is taken are counted; the third one quarantines', () => {
  const world = ready()
  sendEvent(world)
  for (const barren of [0, 1, 2, 3]) {
    expect(beginEpoch(world).entry.facts).toEqual([{ kind: 'epoch.began', barren }])
  }
  expect(mustQuarantine(world.partition)).toBe(true)
  sendEvent(world)
  expect(mustQuarantine(world.partition)).toBe(false)
})

test('definitions are taken in order, once, and only when they are whole', () => {
  const world = ready()
  const change = (number: number, active: string[]) =>
    world.take({
      kind: 'def',
      ref: refOf(world, 'DEFS'),
      change: {
        v: 1,
        kind: 'deploy',
        app: 'triage',
        number,
        at: 1,
        by: 'test',
        manifests: [],
        active,
        eventsFrom: { stream: 'EVENTS_g1', seq: 0 },
      },
    }).entry.facts[0]?.kind
  expect(change(1, [])).toBe('def.ignored')
  expect(change(3, [])).toBe('def.ignored')
  expect(change(2, ['ghost@v1'])).toBe('def.ignored')
  expect(change(2, ['label@v1'])).toBe('def.applied')
})

test('an input that was taken already is the mistake of the host, not a decision', () => {
  const world = ready()
  const { entry } = sendEvent(world)
  expect(() => world.take(entry.input)).toThrow(/taken already/)
})
