import type { LiveBundle, LiveTransition } from '@waybill/projections'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createPace } from '../src/live/pace.ts'
import { createSse } from '../src/live/sse.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const dispatch = (n: number) => `1-0-${String(n).padStart(32, '0')}`

function bundleOf(seq: number, dispatches: readonly number[], slot = 0): LiveBundle {
  const transitions = dispatches.map((n): LiveTransition => ({
    dispatch: dispatch(n),
    index: seq,
    from: null,
    to: 'attempting',
    at: seq,
    event: 'dispatch.started',
    type: 'a.b',
    binding: 'label@v1',
    attempt: 1,
  }))
  const where = { v: 1, app: 'triage', generation: 1, slot, epoch: 1, entries: 1, more: 0 } as const
  return { ...where, seq, number: seq, at: seq, transitions }
}

function world(perSecond = 600) {
  const told: { readonly bundle: LiveBundle; readonly place: number | undefined }[] = []
  const tell = (bundle: LiveBundle, place?: number) => void told.push({ bundle, place })
  return { told, pace: createPace({ perSecond, now: () => Date.now(), tell }) }
}

test('below the rate everything is told at once, as it came', () => {
  const { told, pace } = world()
  for (let seq = 1; seq <= 100; seq++) pace.take(bundleOf(seq, [seq]))
  expect(told).toHaveLength(100)
  expect(told.every(({ place, bundle }) => place === bundle.seq && bundle.more === 0)).toBe(true)
})

test('above it nobody is told more than the rate, and in the end the last state of each', () => {
  const loads = fc.array(fc.array(fc.nat(80), { maxLength: 40 }), { maxLength: 120 })
  fc.assert(
    fc.property(loads, fc.integer({ min: 20, max: 200 }), (loads, perSecond) => {
      const { told, pace } = world(perSecond)
      const last = new Map<string, number>()
      let transitions = 0
      const began = Date.now()
      for (const [at, load] of loads.entries()) {
        const bundle = bundleOf(at + 1, [...new Set(load)], at % 3)
        transitions += bundle.transitions.length
        for (const one of bundle.transitions) last.set(`${bundle.slot}/${one.dispatch}`, at + 1)
        pace.take(bundle)
        vi.advanceTimersByTime(10)
        const most = perSecond + ((Date.now() - began) / 1000) * perSecond
        expect(sum(told)).toBeLessThanOrEqual(most)
      }
      vi.advanceTimersByTime(120_000)
      expect(pace.isIdle()).toBe(true)
      const heard = new Map<string, number>()
      for (const { bundle } of told) {
        for (const one of bundle.transitions) heard.set(`${bundle.slot}/${one.dispatch}`, one.index)
      }
      expect(heard).toEqual(last)
      // What was left out is counted.
      const more = told.reduce((all, { bundle }) => all + bundle.more, 0)
      expect(sum(told) + more).toBe(transitions)
      // A place to go on from is one behind which nothing is left to tell.
      const places = told.flatMap(({ place }) => place ?? [])
      expect(places).toEqual(places.toSorted((a, b) => a - b))
      if (loads.length > 0) expect(places.at(-1)).toBe(loads.length)
    }),
    { numRuns: 100 },
  )
})

const sum = (told: readonly { readonly bundle: LiveBundle }[]): number =>
  told.reduce((all, { bundle }) => all + bundle.transitions.length, 0)

test('what waits has an end: the oldest are left out, and counted', () => {
  const { told, pace } = world(10)
  const many = Array.from({ length: 6000 }, (_, n) => n)
  pace.take(bundleOf(1, many))
  vi.advanceTimersByTime(1000)
  const more = told.reduce((all, { bundle }) => all + bundle.more, 0)
  expect(more).toBe(1000)
  expect(told[0]?.bundle.transitions[0]?.dispatch).toBe(dispatch(1000))
})

test('whoever takes it too slowly is cut off, and what waits for him never grows', async () => {
  let ended = 0
  const { body, send } = createSse(1000, () => ended++)
  for (let n = 0; n < 100; n++) send({ event: 'bundle', data: { n, text: 'x'.repeat(50) } })
  expect(ended).toBe(1)
  await expect(new Response(body).text()).rejects.toThrow('it is taken too slowly')
})
