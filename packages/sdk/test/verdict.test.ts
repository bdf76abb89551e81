import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineApp, defineBinding, defineEvent, type App, type Binding } from '../src/index.ts'
import { eventOf, manifestOf } from './fixture.ts'

const placed = defineEvent(
  'order.placed',
  z.object({ id: z.string(), total: z.number().default(5) }),
)
const handler = (): void => undefined
const base = { id: 'ship', on: placed } as const

const appOf = (...bindings: Binding[]): App => defineApp({ name: 'shop', bindings })
const event = eventOf('order.placed', { id: 'A', total: 99 })
const never = new AbortController().signal

describe('verdicts', () => {
  const verdict = (binding: Binding, about = event) => {
    const app = appOf(binding)
    return app.verdict(manifestOf(app, 'ship', 3), about)
  }

  const cases: [name: string, spec: object, expected: object][] = [
    ['no predicate', {}, { result: 'matched' }],
    ['cel true', { when: 'event.data.total > 10.0' }, { result: 'matched' }],
    [
      'cel false names the clause',
      { when: 'event.data.id == "A" && event.data.total > 100.0' },
      { result: 'filtered', reason: 'event.data.total > 100.0' },
    ],
    [
      'cel that fails',
      { when: 'int(event.data.id) == 1' },
      { result: 'error', reason: expect.stringContaining('cannot convert to int') },
    ],
    ['a function', { when: () => true }, { result: 'matched' }],
    [
      'a function that says no',
      { when: () => false },
      { result: 'filtered', reason: 'the predicate said no' },
    ],
    [
      'a function that says why',
      { when: () => ({ matched: false, reason: 'too small' }) },
      { result: 'filtered', reason: 'too small' },
    ],
    [
      'a function that throws',
      {
        when: () => {
          throw new TypeError('broken')
        },
      },
      { result: 'error', reason: 'TypeError: broken' },
    ],
    ['an asynchronous function', { when: async () => true }, { result: 'ask' }],
    ['a promise in disguise', { when: () => Promise.reject(new Error('x')) }, { result: 'ask' }],
    ['a key', { key: 'event.data.id' }, { result: 'matched', key: 'A' }],
    ['a key by a function', { key: () => 'k' }, { result: 'matched', key: 'k' }],
    [
      'a key with an asynchronous predicate',
      { when: async () => true, key: () => 'k' },
      { result: 'ask', key: 'k' },
    ],
    [
      'a filtered event needs no key',
      { when: 'false', key: 'event.data.id' },
      { result: 'filtered', reason: 'false' },
    ],
  ]

  test.each(cases)('%s', (_, spec, expected) => {
    expect(verdict(defineBinding({ ...base, ...(spec as Partial<typeof base>), handler }))).toEqual(
      {
        binding: 'ship@v3',
        ...expected,
      },
    )
  })

  test('a key must be text, an integer or a boolean', () => {
    const keyed = (key: unknown): unknown =>
      verdict(defineBinding({ ...base, key: () => key as string, handler }))
    expect(keyed(undefined)).toMatchObject({
      result: 'error',
      reason: expect.stringContaining('key:'),
    })
    expect(keyed(1.5)).toMatchObject({ result: 'error' })
    expect(keyed(7)).toMatchObject({ result: 'matched', key: '7' })
  })

  test('a long key is cut, and different ones stay different', () => {
    const keyed = (key: string): string | undefined =>
      verdict(defineBinding({ ...base, key: () => key, handler })).key
    const [a, b] = [keyed(`${'k'.repeat(5000)}a`), keyed(`${'k'.repeat(5000)}b`)]
    expect(a?.length).toBe(256)
    expect(a).not.toBe(b)
    expect(a).toBe(keyed(`${'k'.repeat(5000)}a`))
  })

  test('a function sees the data as its schema gives it out; wrong data is an error', () => {
    const binding = defineBinding({ ...base, when: (one) => one.data.total === 5, handler })
    expect(verdict(binding, eventOf('order.placed', { id: 'A' }))).toMatchObject({
      result: 'matched',
    })
    const wrong = verdict(binding, eventOf('order.placed', { total: 'x' }))
    expect(wrong).toMatchObject({ result: 'error', reason: expect.stringContaining('total') })
  })

  test('beyond the chain depth nothing is judged', () => {
    const deep = eventOf(
      'order.placed',
      { id: 'A' },
      { chain: { root: event.id, depth: 4, path: [] } },
    )
    const binding = defineBinding({ ...base, maxChainDepth: 3, when: 'false', handler })
    expect(verdict(binding, deep).result).toBe('unjudged')
  })

  test('of a version whose code is elsewhere: CEL is judged, a function is asked', () => {
    const cel = appOf(defineBinding({ ...base, when: 'event.data.total > 100.0', handler }))
    const code = appOf(defineBinding({ ...base, when: () => true, handler }))
    const other = (app: App) => ({ ...manifestOf(app, 'ship'), hash: '0'.repeat(32) })
    expect(cel.hosts(other(cel).hash)).toBe(false)
    expect(cel.verdict(other(cel), event).result).toBe('filtered')
    expect(code.verdict(other(code), event).result).toBe('ask')
  })
})

test('judging an asynchronous predicate', async () => {
  const judge = (when: (one: { data: { total: number } }) => unknown) => {
    const app = appOf(defineBinding({ ...base, when: when as () => Promise<boolean>, handler }))
    return app.judge(manifestOf(app, 'ship'), event, never)
  }
  expect(await judge(async ({ data }) => data.total > 10)).toEqual({ matched: true })
  expect(await judge(async () => ({ matched: false, reason: 'no' }))).toEqual({
    matched: false,
    reason: 'no',
  })
  await expect(judge(async () => 'yes')).rejects.toThrow('neither true nor false')
  await expect(judge(async () => Promise.reject(new Error('down')))).rejects.toThrow('down')
})
