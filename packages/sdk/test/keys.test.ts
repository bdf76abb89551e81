import { encode } from '@waybill/core'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  defineApp,
  defineBinding,
  defineEvent,
  type EventOf,
  type FlowSettings,
} from '../src/index.ts'
import { eventOf, manifestOf } from './fixture.ts'

const placed = defineEvent(
  'order.placed',
  z.object({ id: z.string(), of: z.string().default('nobody') }),
)
const base = { id: 'ship', on: placed, handler: (): void => undefined } as const
type Placed = EventOf<typeof placed>
const about = eventOf('order.placed', { id: 'A' })

test.each([
  ['half a character', '\ud800'],
  ['a character cut in two by the bound', `${'x'.repeat(222)}${'😀'.repeat(50)}`],
])('a key with %s can be recorded', (_, text) => {
  const app = defineApp({ name: 'shop', bindings: [defineBinding({ ...base, key: () => text })] })
  const { result, key } = app.verdict(manifestOf(app, 'ship'), about)
  expect(result).toBe('matched')
  expect(() => encode(key ?? null)).not.toThrow()
})

test('a key that is a promise is refused, and its rejection is nobody else’s', async () => {
  const key = (() => Promise.reject(new Error('down'))) as unknown as () => string
  const app = defineApp({ name: 'shop', bindings: [defineBinding({ ...base, key })] })
  expect(app.verdict(manifestOf(app, 'ship'), about)).toMatchObject({
    result: 'error',
    reason: 'key: it is a promise: keys are computed at once',
  })
})

test('who asks for its key alone, as its code was elsewhere, is let in without a predicate', async () => {
  const app = defineApp({ name: 'shop', bindings: [defineBinding({ ...base, key: () => 'a' })] })
  const { signal } = new AbortController()
  expect(await app.judge(manifestOf(app, 'ship'), about, signal)).toEqual({ matched: true })
})

describe('the keys of limits', () => {
  test('stand in the order of the limits, whatever they are written in', () => {
    const app = appWith({
      concurrency: [{ max: 1, key: (event) => `${event.data.id}!` }, 5],
      rateLimit: { max: 1, period: '1s', key: 'event.data.id + "?"' },
      debounce: { key: ({ data }) => data.id, period: '1s' },
    })
    expect(keysIn(app)).toEqual({ ok: true, keys: ['A', 'A?', 'A!', undefined] })
  })

  test('see the data as the schema gives it out; wrong data is the fault of that limit', () => {
    const app = appWith({ singleton: { key: ({ data }) => data.of, mode: 'skip' } })
    expect(keysIn(app)).toEqual({ ok: true, keys: ['nobody'] })
    expect(keysIn(app, eventOf('order.placed', { id: 7 }))).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^singleton: .*id/s),
    })
  })

  test.each<[name: string, key: () => unknown, reason: string]>([
    ['that throw', () => Reflect.get(undefined as never, 'x'), 'concurrency: TypeError: '],
    ['that are no text', () => ({}), 'concurrency: it is no text, integer or boolean'],
    ['that are no number', () => NaN, 'concurrency: it is no text, integer or boolean'],
    ['that are promises', () => Promise.reject(new Error('x')), 'concurrency: it is a promise'],
  ])('%s name their limit', (_, key, reason) => {
    const told = keysIn(appWith({ concurrency: { max: 1, key: key as () => string } }))
    expect(told).toMatchObject({ ok: false, reason: expect.stringContaining(reason) })
  })

  test('long ones are cut, and different ones stay different', () => {
    const keyed = (key: string) => keysIn(appWith({ concurrency: { max: 1, key: () => key } }))
    const [a, b] = [keyed(`${'k'.repeat(5000)}a`), keyed(`${'k'.repeat(5000)}b`)]
    expect(a?.ok === true && a.keys[0]).toHaveLength(256)
    expect(a).not.toEqual(b)
    expect(a).toEqual(keyed(`${'k'.repeat(5000)}a`))
  })

  test('of a version whose code is elsewhere: CEL is computed, a function is not', () => {
    const elsewhere = { hash: '0'.repeat(32) }
    const cel = appWith({ concurrency: [{ max: 1, key: 'event.data.id' }, 5] })
    const code = appWith({ concurrency: { max: 1, key: ({ data }) => data.id } })
    expect(keysIn(cel, about, elsewhere)).toEqual({ ok: true, keys: ['A', undefined] })
    expect(keysIn(code, about, elsewhere)).toBeUndefined()
  })

  function appWith(flow: FlowSettings<Placed>) {
    return defineApp({ name: 'shop', bindings: [defineBinding({ ...base, flow })] })
  }

  function keysIn(app: ReturnType<typeof appWith>, event = about, more = {}) {
    return app.keys?.({ ...manifestOf(app, 'ship'), ...more }, event)
  }
})
