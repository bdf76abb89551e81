import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { LiveBatch } from '../src/live/conflate.ts'
import { createLiveHub } from '../src/live/hub.ts'
import type { LiveEar } from '../src/live/source.ts'

type Bundle = Parameters<LiveEar['bundle']>[0]

const bundleOf = (dispatches: readonly string[], seq = 1): Bundle => ({
  v: 1,
  app: 'shop',
  generation: 1,
  slot: 0,
  seq,
  number: seq,
  epoch: 1,
  at: 0,
  entries: dispatches.length,
  more: 0,
  transitions: dispatches.map((dispatch, index) => ({
    dispatch,
    index,
    from: 'attempting',
    to: 'succeeded',
    at: 0,
    event: 'attempt.succeeded',
    type: 't',
    binding: 'b@v1',
    attempt: 1,
  })),
})

function listening() {
  let ear: LiveEar | undefined
  const hub = createLiveHub({
    open: (one) => {
      ear = one
      return () => undefined
    },
  })
  const batches: LiveBatch[] = []
  let resets = 0
  hub.hear((batch) => batches.push(batch))
  hub.onReset(() => (resets += 1))
  if (!ear) throw new Error('nobody listens')
  return { hub, ear, batches, resets: () => resets }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('what comes within a frame comes as one', () => {
  const { ear, batches } = listening()
  ear.bundle(bundleOf(['a']))
  ear.bundle(bundleOf(['b', 'a'], 2))
  vi.advanceTimersByTime(16)
  expect(batches.map(({ steps }) => steps.map(({ dispatch }) => dispatch))).toEqual([
    ['a', 'b', 'a'],
  ])
})

test('above 600 a second each dispatch comes once, ten times a second at most', () => {
  const { ear, batches } = listening()
  for (let ms = 0; ms < 1000; ms += 10) {
    ear.bundle(bundleOf(Array.from({ length: 20 }, (_, at) => `d${at % 4}`)))
    vi.advanceTimersByTime(10)
  }
  const late = batches.slice(-5)
  for (const { steps, folded } of late) {
    expect(steps.map(({ dispatch }) => dispatch).sort()).toEqual(['d0', 'd1', 'd2', 'd3'])
    expect(folded).toBeGreaterThan(100)
  }
  expect(batches.length).toBeLessThan(40)
})

test('the rate goes back to zero though nothing comes', () => {
  const { hub, ear } = listening()
  ear.bundle(bundleOf(Array.from({ length: 50 }, (_, at) => `d${at}`)))
  vi.advanceTimersByTime(500)
  const seen = hub.state().perSecond
  vi.advanceTimersByTime(2000)
  expect([seen, hub.state().perSecond]).toEqual([50, 0])
})

test('what the server leaves out counts as having happened', () => {
  const { hub, ear, batches } = listening()
  for (let ms = 0; ms < 1000; ms += 10) {
    ear.bundle({ ...bundleOf(['a', 'a']), more: 18 })
    vi.advanceTimersByTime(10)
  }
  expect(hub.state().perSecond).toBeGreaterThan(600)
  expect(batches.length).toBeLessThan(40)
  const { steps = [], folded } = batches.at(-1) ?? {}
  expect(steps.length).toBe(1)
  expect(folded).toBeGreaterThan(100)
})

test('what was read before it is open is read anew, and so it is after a loss', () => {
  const { hub, ear, resets } = listening()
  ear.link('open')
  expect(resets()).toBe(1)
  ear.link('open')
  expect(resets()).toBe(1)
  ear.link('lost', 'gone')
  expect(hub.state()).toMatchObject({ link: 'lost', why: 'gone' })
  ear.link('open')
  expect(resets()).toBe(2)
  expect(hub.state().lostAt).toBeUndefined()
})

test('paused, nothing moves; going on reads anew', () => {
  const { hub, ear, batches, resets } = listening()
  hub.pause(true)
  ear.bundle(bundleOf(['a']))
  ear.reset('too much missed')
  vi.advanceTimersByTime(500)
  expect([batches.length, resets()]).toEqual([0, 0])
  hub.pause(false)
  expect(resets()).toBe(1)
})
