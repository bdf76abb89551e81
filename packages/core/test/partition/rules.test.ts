import { expect, test } from 'vitest'
import { type Effect } from '../../src/index.ts'
import { attempt, failed, last, ok, path, ready } from './story.ts'
import { answer, beginEpoch, binding, deploy, sendEvent, settleTicks } from './world.ts'

/*
 * The rules of SEMANTICS that a partition decides alone, each as a story. Times are in ms.
 */

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

test('1.4 the window ends in a partition that had nothing else to do, too', () => {
  const world = ready()
  const weekMs = 7 * 24 * 3_600_000
  for (const sent of [1, 2, 3]) {
    expect(sendEvent(world, { key: 'weekly' }).entry.facts[0]?.kind).toBe('event.seen')
    answer(world, attempt(world), ok)
    expect(world.partition.started).toBe(sent)
    world.now += weekMs
  }
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

test('3.5 a dispatch that does not start in time expires, whatever it waits for', () => {
  const timeouts = { ...binding().timeouts, scheduleToStartMs: 1000 }
  const asking = ready({ timeouts })
  sendEvent(asking, { verdict: 'ask' })
  const withoutCode = ready({ timeouts })
  sendEvent(withoutCode, { verdict: 'ask' })
  answer(withoutCode, withoutCode.pending[0] as Effect, { status: 'unhosted' })
  for (const world of [asking, withoutCode]) {
    world.now += 999
    settleTicks(world)
    expect(world.partition.dispatches.size).toBe(1)
    world.now += 1
    settleTicks(world)
    expect(path(world).at(-1)).toBe('dlq')
    expect(last(world).record.outcome).toEqual({ status: 'dlq', reason: 'expired' })
  }
})

test('3.5 once it has started, the deadline of its start means nothing', () => {
  const world = ready({ timeouts: { ...binding().timeouts, scheduleToStartMs: 1000 } })
  sendEvent(world)
  expect(last(world).record.timers).not.toHaveProperty('start', expect.anything())
  answer(world, attempt(world), { status: 'unhosted' })
  world.now += 1000
  settleTicks(world)
  expect(last(world).to).toBe('waiting')
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
