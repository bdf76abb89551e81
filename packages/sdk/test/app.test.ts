import { bindingKey, normaliseThrown, type EventDraft } from '@waybill/core'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  defineApp,
  defineBinding,
  defineEvent,
  loadApp,
  PermanentError,
  type App,
  type Binding,
} from '../src/index.ts'
import { attemptOf, eventOf, manifestOf, t0 } from './fixture.ts'

const placed = defineEvent(
  'order.placed',
  z.object({ id: z.string(), total: z.number().default(5) }),
)
const labelled = defineEvent('order.labelled', z.object({ label: z.string() }))
const handler = (): void => undefined
const base = { id: 'ship', on: placed } as const

const appOf = (...bindings: Binding[]): App => defineApp({ name: 'shop', bindings })
const event = eventOf('order.placed', { id: 'A', total: 99 })

describe('one run', () => {
  const run = (binding: Binding, about = event, attempt = attemptOf(about)) => {
    const app = appOf(binding)
    return app.run(manifestOf(app, binding.id), attempt)
  }

  test('the handler holds what it needs', async () => {
    const seen = await run(
      defineBinding({
        ...base,
        input: { order: 'event.data.id', root: 'event.chain.root' },
        handler: ({ data, input, attempt, idempotencyKey, fencingToken, deadline, dispatch }) => ({
          id: data.id,
          ...input,
          keys: [attempt, idempotencyKey, fencingToken, dispatch],
          left: deadline.getTime() - t0,
        }),
      }),
      event,
      attemptOf(event, { attempt: 2, dispatch: 'D', idempotencyKey: 'K', fencingToken: 'D:2:9' }),
    )
    expect(seen).toEqual({
      id: 'A',
      order: 'A',
      root: event.id,
      keys: [2, 'K', 'D:2:9', 'D'],
      left: 30_000,
    })
  })

  test('a batch is run with all its events, its own first', async () => {
    const others = ['B', 'C'].map((id) => eventOf('order.placed', { id }))
    const binding = defineBinding({
      ...base,
      handler: ({ data, events }) => [data.id, ...events.map((one) => one.data)],
    })
    const batch = [event, ...others]
    expect(await run(binding, event, attemptOf(event, { batch }))).toEqual([
      'A',
      { id: 'A', total: 99 },
      { id: 'B', total: 5 },
      { id: 'C', total: 5 },
    ])
    expect(await run(binding)).toEqual(['A', { id: 'A', total: 99 }])
    const wrong = [...batch, eventOf('order.placed', { id: 7 })]
    await expect(run(binding, event, attemptOf(event, { batch: wrong }))).rejects.toThrow(
      /data of order\.placed refused: .*id/s,
    )
  })

  test.each([
    [
      'an input that is not there',
      eventOf('order.placed', { id: 'A' }, {}),
      /input who: no event\.subject/,
    ],
    [
      'data that the schema refuses',
      eventOf('order.placed', { id: 7 }),
      /data of order\.placed refused: .*id/s,
    ],
  ])('%s is a permanent error that names it', async (_, about, message) => {
    let ran = false
    const binding = defineBinding({
      ...base,
      input: { who: 'event.subject' },
      handler: () => void (ran = true),
    })
    const error = await run(binding, about).then(
      () => undefined,
      (cause: unknown) => cause,
    )
    expect(error).toBeInstanceOf(PermanentError)
    expect(normaliseThrown(error)).toMatchObject({
      class: 'permanent',
      message: expect.stringMatching(message),
    })
    expect(ran).toBe(false)
  })

  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  test.each([
    [undefined, undefined],
    [null, null],
    [{ a: [1, 'x', null, false] }, { a: [1, 'x', null, false] }],
    [new Uint8Array([1]), new Uint8Array([1])],
  ])('result %j is kept', async (result, kept) => {
    expect(await run(defineBinding({ ...base, handler: () => result }))).toEqual(kept)
  })

  test.each([
    ['a date', { order: { at: new Date(0) } }, 'result.order.at'],
    ['a bigint', [1n], 'result[0]'],
    ['a function', handler, 'result'],
    ['a symbol', { s: Symbol('s') }, 'result.s'],
    ['NaN', { n: NaN }, 'result.n'],
    ['a map', { list: [new Map()] }, 'result.list[0]'],
    ['a cycle', cycle, 'result.self'],
    ['half a character', { text: '\ud800' }, 'result.text'],
    ['a forbidden key', JSON.parse('{"a":{"__proto__":1}}'), 'result.a'],
    ['200 KB', { text: 'x'.repeat(200_000) }, 'result'],
  ])('%s is a permanent error that names the place', async (_, result, path) => {
    const error = await run(defineBinding({ ...base, handler: () => result })).then(
      () => undefined,
      (cause: unknown) => cause,
    )
    const normalised = normaliseThrown(error)
    expect(normalised.class).toBe('permanent')
    expect(normalised.path).toContain(path)
  })

  test('a thrown error comes through as it is', async () => {
    const thrown = new Error('boom')
    await expect(
      run(defineBinding({ ...base, handler: () => Promise.reject(thrown) })),
    ).rejects.toBe(thrown)
  })

  test('code that is not here is not run', async () => {
    const app = appOf(defineBinding({ ...base, handler }))
    const manifest = { ...manifestOf(app, 'ship'), hash: '0'.repeat(32) }
    await expect(app.run(manifest, attemptOf(event))).rejects.toThrow('no code for ship@v1')
  })
})

describe('sending from a handler', () => {
  const about = eventOf(
    'order.placed',
    { id: 'A' },
    {
      tenant: 'acme',
      traceparent: '00-1-2-01',
      chain: { root: '1-0-00000000000000000000000000000000', depth: 3, path: ['a', 'b', 'c'] },
    },
  )
  const sentBy = async (binding: Binding, more = {}): Promise<EventDraft[]> => {
    const app = appOf(binding)
    const attempt = attemptOf(about, { idempotencyKey: 'K', dispatch: 'D', ...more })
    await app.run(manifestOf(app, binding.id), attempt)
    return attempt.drafts
  }
  const twice = defineBinding({
    ...base,
    handler: async ({ send }) => {
      await send(labelled, { label: 'x' })
      await send(labelled, { label: 'y' }, { subject: 's', partitionKey: 'p', dedupeKey: 'own' })
    },
  })

  test('carries the chain, the tenant and the trace', async () => {
    expect(await sentBy(twice)).toEqual([
      {
        type: 'order.labelled',
        source: 'waybill:shop/ship',
        data: { label: 'x' },
        tenant: 'acme',
        traceparent: '00-1-2-01',
        dedupeKey: 'K:0',
        chain: { root: about.chain.root, depth: 4, path: ['a', 'b', 'c', 'ship'], parent: 'D' },
      },
      expect.objectContaining({ subject: 's', partitionKey: 'p', dedupeKey: 'own' }),
    ])
  })

  test('an attempt that runs again sends the same events', async () => {
    expect(await sentBy(twice, { attempt: 2 })).toEqual(await sentBy(twice))
  })

  test('what the schema refuses is a permanent error and is not sent', async () => {
    const wrong = defineBinding({
      ...base,
      handler: ({ send }) => send(labelled, { label: 5 as unknown as string }),
    })
    await expect(sentBy(wrong)).rejects.toThrow(/send of order\.labelled refused: .*label/s)
  })

  test('a long chain keeps its newest bindings', async () => {
    const path = Array.from({ length: 32 }, (_, at) => `b${at}`)
    const long = eventOf(
      'order.placed',
      { id: 'A' },
      { chain: { root: about.chain.root, depth: 40, path } },
    )
    const app = appOf(twice)
    const attempt = attemptOf(long)
    await app.run(manifestOf(app, 'ship'), attempt)
    expect(attempt.drafts[0]?.chain?.path).toEqual([...path.slice(1), 'ship'])
    expect(attempt.drafts[0]?.chain?.depth).toBe(41)
  })
})

describe('an app', () => {
  test('registers its events with schema and check', () => {
    const app = defineApp({
      name: 'shop',
      bindings: [defineBinding({ ...base, handler })],
      events: [labelled],
    })
    expect(app.events.map(({ type }) => type)).toEqual(['order.placed', 'order.labelled'])
    const [type] = app.events
    expect(type?.jsonSchema).toMatchObject({ type: 'object', required: ['id'] })
    expect(type?.check({ id: 'A' })).toBeUndefined()
    expect(type?.check({ id: 7 })).toContain('id')
  })

  test('keys are the manifest of the version, hashes those of the code', () => {
    const app = appOf(defineBinding({ ...base, handler }))
    const manifest = manifestOf(app, 'ship', 2)
    expect(bindingKey(manifest)).toBe('ship@v2')
    expect(app.hosts(manifest.hash)).toBe(true)
  })

  test('is loaded from its module and knows it', async () => {
    const url = new URL('./sample-app.ts', import.meta.url).href
    const app = await loadApp(url)
    expect(app).toMatchObject({ name: 'sample', module: url })
    await expect(loadApp(new URL('./fixture.ts', import.meta.url).href)).rejects.toMatchObject({
      code: 'WB1002',
    })
    await expect(loadApp('/nowhere/app.ts')).rejects.toMatchObject({ code: 'WB1003' })
  })
})
