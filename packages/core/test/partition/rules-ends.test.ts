import { expect, test } from 'vitest'
import { mustQuarantine, nextDue } from '../../src/index.ts'
import { attempt, failed, last, ok, ready } from './story.ts'
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
} from './world.ts'

/*
 * The rules of SEMANTICS that a partition decides alone, each as a story. Times are in ms.
 */

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
