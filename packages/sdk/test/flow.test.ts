import { byOrder, manifest, type FlowSpec, type KeyedLimit } from '@waybill/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineApp, defineBinding, defineEvent, type Binding } from '../src/index.ts'
import { issuesOf } from './issues.ts'

const placed = defineEvent('order.placed', z.object({ id: z.string(), total: z.number() }))
const handler = (): void => undefined
const minimal = { id: 'ship', on: placed, handler }

/** As a user of JavaScript would call it: nothing is checked before. */
const defineAny = defineBinding as unknown as (spec: object) => Binding
const bind = (flow: unknown, more: object = {}): Binding => defineAny({ ...minimal, flow, ...more })
const flowOf = (flow: unknown, more: object = {}): FlowSpec | undefined =>
  bind(flow, more).definition.flow
const limitsOf = (flow: unknown, more: object = {}): readonly KeyedLimit[] =>
  flowOf(flow, more)?.limits ?? []

const id = { kind: 'cel', text: 'event.data.id' }
const byId = (event: { data: { id: string } }): string => event.data.id
const window = { max: 3, period: '1m' }
const windowRule = { max: 3, periodMs: 60_000 }

describe('settings become limits', () => {
  test.each<[flow: object, limits: object[]]>([
    [{}, []],
    [{ concurrency: undefined }, []],
    [{ concurrency: 5 }, [{ rule: { kind: 'concurrency', max: 5 } }]],
    [
      { concurrency: { max: 1, key: id.text } },
      [{ rule: { kind: 'concurrency', max: 1 }, key: id }],
    ],
    [
      { concurrency: [5, { max: 1, key: id.text }] },
      [{ name: 'concurrency-2', key: id }, { name: 'concurrency' }],
    ],
    [{ concurrency: { max: 5, name: 'slots' } }, [{ name: 'slots', scope: 'binding' }]],
    [
      { concurrency: { max: 5, name: 'slots', scope: 'global' } },
      [{ name: 'slots', scope: 'global' }],
    ],
    [{ rateLimit: window }, [{ name: 'rateLimit', rule: { kind: 'rateLimit', ...windowRule } }]],
    [
      { throttle: [window, { ...window, name: 'api', scope: 'app' }] },
      [
        { name: 'throttle', rule: { kind: 'throttle', ...windowRule } },
        { name: 'api', scope: 'app' },
      ],
    ],
    [{ singleton: 'skip' }, [{ rule: { kind: 'singleton', mode: 'skip' } }]],
    [
      { singleton: { key: id.text, mode: 'replace' } },
      [{ rule: { kind: 'singleton', mode: 'replace' }, key: id }],
    ],
    [
      { debounce: { key: id.text, period: '10s', maxWait: '1m' } },
      [{ rule: { kind: 'debounce', periodMs: 10_000, maxWaitMs: 60_000 }, key: id }],
    ],
    [
      { debounce: { all: true, period: '10s' } },
      [{ rule: { kind: 'debounce', periodMs: 10_000 } }],
    ],
    [
      { batch: { size: 100, timeout: { ms: 5 }, maxBytes: 1000 }, concurrency: 1 },
      [
        { rule: { kind: 'batch', size: 100, timeoutMs: 5, bytesMax: 1000 } },
        { rule: { kind: 'concurrency', max: 1 } },
      ],
    ],
    [
      { key: { key: id.text, policy: 'queue' } },
      [{ name: 'key', rule: { kind: 'concurrency', max: 1 }, key: id }],
    ],
    [
      { key: { key: id.text, policy: 'interrupt' } },
      [{ name: 'key', rule: { kind: 'singleton', mode: 'replace' }, key: id }],
    ],
    [
      { key: { key: id.text, policy: 'reject' } },
      [{ name: 'key', rule: { kind: 'singleton', mode: 'skip' }, key: id }],
    ],
  ])('%j', (flow, limits) => expect(limitsOf(flow)).toMatchObject(limits))

  test('a policy alone keeps the order of the binding’s own key', () => {
    expect(limitsOf({ key: 'queue' }, { key: id.text })).toMatchObject([{ name: 'key', key: id }])
    const { definition, code } = bind({ key: { policy: 'reject' } }, { key: byId })
    expect(definition.flow?.limits[0]?.key).toEqual(definition.key)
    expect(code.keys).toEqual([byId])
  })

  test('without limits there is no flow, and the hash is that of a binding that never had one', () => {
    expect(flowOf({})).toBeUndefined()
    expect(bind({}).definition.hash).toBe(bind(undefined).definition.hash)
  })

  test('permits are given back before a retry, unless they are held', () => {
    expect(flowOf({ concurrency: 1 })?.holdWhileRetrying).toBe(false)
    expect(flowOf({ concurrency: 1, holdWhileRetrying: true })?.holdWhileRetrying).toBe(true)
  })
})

describe('what is wrong is refused with code, path and hint', () => {
  const both = { rateLimit: { max: 1, period: '1s' }, singleton: 'skip' } as const
  test.each<[flow: unknown, code: string, path: string, hint: string, more?: object]>([
    [5, 'definition.type', 'flow', 'concurrency: 5'],
    [{ concurency: 5 }, 'definition.unknown', 'flow.concurency', 'did you mean concurrency?'],
    [{ concurrency: 'x' }, 'definition.type', 'flow.concurrency', 'max: 1'],
    [{ concurrency: 0 }, 'definition.range', 'flow.concurrency.max', 'max: 1'],
    [{ concurrency: {} }, 'definition.missing', 'flow.concurrency.max', 'max: 1'],
    [{ concurrency: [1, 0.5] }, 'definition.range', 'flow.concurrency[1].max', 'max: 1'],
    [
      { concurrency: { max: 1, period: '1s' } },
      'definition.unknown',
      'flow.concurrency.period',
      'known: max, key, scope, name',
    ],
    [
      { concurrency: { max: 1, key: 'event.data.typo' } },
      'definition.cel',
      'flow.concurrency.key',
      'known here: id, total',
    ],
    [
      { concurrency: { max: 1, key: 'event.data.total' } },
      'definition.cel',
      'flow.concurrency.key',
      'string or int or bool',
    ],
    [
      { concurrency: [1, { max: 1, key: async () => 'x' }] },
      'definition.type',
      'flow.concurrency[1].key',
      '(event) => string',
    ],
    [
      { concurrency: { max: 1, scope: 'team' } },
      'definition.type',
      'flow.concurrency.scope',
      "'global'",
    ],
    [
      { throttle: { ...window, scope: 'app' } },
      'definition.missing',
      'flow.throttle.name',
      'whoever names it shares it',
    ],
    [{ throttle: { ...window, name: 'a b' } }, 'definition.type', 'flow.throttle.name', '1 to 64'],
    [
      { concurrency: { max: 1, name: 'key' } },
      'definition.conflict',
      'flow.concurrency.name',
      'flow.key',
    ],
    [
      { concurrency: [{ max: 1, name: 'concurrency-2' }, 1] },
      'definition.duplicate',
      'flow.concurrency[1].name',
      'another name',
    ],
    [
      { throttle: { ...window, name: 'api' }, concurrency: { max: 1, name: 'api' } },
      'definition.duplicate',
      'flow.concurrency.name',
      'another name',
    ],
    [{ concurrency: Array(17).fill(1) }, 'definition.range', 'flow', 'at most 16'],
    [{ rateLimit: { max: 1 } }, 'definition.missing', 'flow.rateLimit.period', "'1m'"],
    [{ rateLimit: { max: 1, period: 5 } }, 'definition.unit', 'flow.rateLimit.period', "'30s'"],
    [{ rateLimit: { max: 1, period: '0s' } }, 'definition.range', 'flow.rateLimit.period', "'1m'"],
    [{ rateLimit: { max: 1, period: '31d' } }, 'definition.range', 'flow.rateLimit.period', "'1m'"],
    [{ singleton: 'once' }, 'definition.range', 'flow.singleton.mode', "'replace'"],
    [{ singleton: true }, 'definition.type', 'flow.singleton', "'replace'"],
    [{ singleton: ['skip'] }, 'definition.type', 'flow.singleton', "'replace'"],
    [{ batch: { size: 1 } }, 'definition.missing', 'flow.batch.timeout', "'5s'"],
    [{ batch: { size: 501, timeout: '1s' } }, 'definition.range', 'flow.batch.size', "'5s'"],
    [
      { batch: { size: 2, timeout: '1s', maxBytes: '1 MB' } },
      'definition.range',
      'flow.batch.maxBytes',
      "'5s'",
    ],
    [
      { batch: { size: 2, timeout: '1s' }, rateLimit: window },
      'definition.conflict',
      'flow.rateLimit',
      'concurrency only',
    ],
    [
      { batch: { size: 2, timeout: '1s' }, key: 'queue' },
      'definition.conflict',
      'flow.key',
      'concurrency only',
      { key: id.text },
    ],
    [{ debounce: { period: '1s' } }, 'definition.missing', 'flow.debounce.key', 'all: true'],
    [
      { debounce: { key: id.text, all: true, period: '1s' } },
      'definition.conflict',
      'flow.debounce.all',
      'leave one of them out',
    ],
    [{ debounce: { all: 1, period: '1s' } }, 'definition.type', 'flow.debounce.all', ''],
    [
      { debounce: { all: true, period: '10s', maxWait: '9s' } },
      'definition.conflict',
      'flow.debounce.maxWait',
      'quiet',
    ],
    [
      { debounce: { all: true, period: '10s' } },
      'definition.conflict',
      'flow.debounce.period',
      'expire first',
      { timeouts: { scheduleToStart: '10s' } },
    ],
    [
      { batch: { size: 2, timeout: '1h' } },
      'definition.conflict',
      'flow.batch.timeout',
      'expire first',
      { timeouts: { scheduleToClose: '1h' } },
    ],
    [{ key: 'queue' }, 'definition.missing', 'flow.key', 'give the binding a key'],
    [{ key: id.text }, 'definition.type', 'flow.key', "policy: 'queue'"],
    [{ key: { key: id.text } }, 'definition.missing', 'flow.key.policy', "policy: 'queue'"],
    [{ key: { key: 'x', policy: 'queue' } }, 'definition.cel', 'flow.key.key', '`event`'],
    [
      { key: { policy: 'queue', polisy: 1 } },
      'definition.unknown',
      'flow.key.polisy',
      'did you mean policy?',
      { key: id.text },
    ],
    [
      { key: { key: id.text, policy: 'queue' }, singleton: 'skip' },
      'definition.conflict',
      'flow.singleton',
      "policy 'reject' is mode 'skip'",
    ],
    [{ holdWhileRetrying: 'yes' }, 'definition.type', 'flow.holdWhileRetrying', ''],
    [
      { rateLimit: window, holdWhileRetrying: true },
      'definition.conflict',
      'flow.holdWhileRetrying',
      'singleton and concurrency',
    ],
    [
      { key: { key: id.text, policy: 'queue' }, holdWhileRetrying: true },
      'definition.conflict',
      'flow.holdWhileRetrying',
      'kept always',
    ],
  ])('%j', (flow, code, path, hint, more = {}) => {
    const issues = issuesOf(() => bind(flow, more))
    expect(issues).toMatchObject([{ code, path }])
    expect(issues[0]?.hint).toContain(hint)
  })

  test('all at once', () => {
    const issues = issuesOf(() =>
      bind({ ...both, batch: { size: 0 }, debounce: { period: 'x' }, throttle: 1 }),
    )
    expect(issues.map(({ path }) => path).toSorted()).toEqual([
      'flow.batch.size',
      'flow.batch.timeout',
      'flow.debounce',
      'flow.debounce.key',
      'flow.debounce.period',
      'flow.rateLimit',
      'flow.singleton',
      'flow.throttle',
      'flow.throttle',
    ])
  })
})

describe('limits that bindings share', () => {
  const named = (binding: string, setting: object): Binding =>
    defineAny({ ...minimal, id: binding, flow: setting })
  const app = (...bindings: Binding[]): unknown => defineApp({ name: 'shop', bindings })
  const api = { name: 'api', scope: 'app', ...window } as const

  test('one name, one rule', () => {
    const same = [
      named('a', { throttle: api }),
      named('b', { throttle: { ...api, period: '60s' }, concurrency: 1 }),
      named('c', { concurrency: { max: 1, name: 'api' } }),
      named('d', { concurrency: { max: 1, name: 'api', scope: 'global' } }),
    ]
    expect(issuesOf(() => app(...same))).toEqual([])
  })

  test('keys may be told in different words: their events are different ones', () => {
    const keyed = [
      named('a', { throttle: { ...api, key: 'event.data.id' } }),
      named('b', { throttle: { ...api, key: byId } }),
    ]
    expect(issuesOf(() => app(...keyed))).toEqual([])
  })

  test.each<[other: object, path: string, message: string]>([
    [
      { throttle: { ...api, max: 4 } },
      'bindings[1].flow.throttle',
      '@app/api is not what a says it is: throttle max 4, periodMs 60000, and throttle max 3',
    ],
    [{ rateLimit: api }, 'bindings[1].flow.rateLimit', 'rateLimit max 3'],
    [
      { concurrency: [1, { name: 'api', scope: 'app', max: 3 }] },
      'bindings[1].flow.concurrency',
      'concurrency max 3',
    ],
    [
      { throttle: { ...api, key: 'event.data.id' } },
      'bindings[1].flow.throttle',
      'it has a key, and none there',
    ],
  ])('another rule is refused: %j', (other, path, message) => {
    const issues = issuesOf(() => app(named('a', { throttle: api }), named('b', other)))
    expect(issues).toMatchObject([{ code: 'definition.conflict', path }])
    expect(issues[0]?.message).toContain(message)
    expect(issues[0]?.hint).toContain('write it once and share it')
  })

  test('no app has a name of Waybill’s own', () => {
    const issues = issuesOf(() => defineApp({ name: '_shared', bindings: [bind({})] }))
    expect(issues).toMatchObject([{ code: 'definition.range', path: 'name' }])
  })
})

describe('laws', () => {
  const key = fc.constantFrom(undefined, 'event.data.id', byId)
  const ms = fc.integer({ min: 1, max: 1e6 }).map((n) => ({ ms: n }))
  const max = fc.integer({ min: 1, max: 1e6 })
  const sharing = fc.constantFrom({}, { name: 'a' }, { scope: 'app', name: 'b' })
  const windows = fc
    .tuple(key, max, ms, sharing)
    .map(([by, many, period, shared]) => ({ key: by, max: many, period, ...shared }))
  const permits = fc.oneof(
    max,
    fc.tuple(key, max, sharing).map(([by, many, shared]) => ({ key: by, max: many, ...shared })),
  )
  const settings = fc.record(
    {
      debounce: ms.map((period) => ({ key: byId, period })),
      rateLimit: windows,
      throttle: fc.oneof(windows, fc.uniqueArray(windows, { selector: nameOf, maxLength: 3 })),
      singleton: fc.constantFrom('skip', 'replace'),
      concurrency: fc.oneof(permits, fc.uniqueArray(permits, { selector: nameOf, maxLength: 3 })),
    },
    { requiredKeys: [] },
  )
  // Names of one kind must not meet those of another; what is left is right by construction.
  const flows = settings.filter((flow) => issuesOf(() => bind(flow)).length === 0)

  function nameOf(one: number | { name?: string }): string {
    return typeof one === 'number' ? '' : (one.name ?? '')
  }

  test('limits stand in the one order, each with its own key', () => {
    fc.assert(
      fc.property(flows, (flow) => {
        const { definition, code } = bind(flow)
        const limits = definition.flow?.limits ?? []
        expect(limits).toEqual(limits.toSorted(byOrder))
        expect(code.keys).toHaveLength(limits.length)
        for (const [at, limit] of limits.entries()) {
          expect(code.keys?.[at]).toBe(limit.key?.kind === 'function' ? byId : undefined)
        }
        expect(manifest.parse({ ...definition, version: 1 })).toEqual({ ...definition, version: 1 })
      }),
    )
  })

  test('the same settings in another order have the same hash', () => {
    fc.assert(
      fc.property(flows, (flow) => {
        expect(bind(reversed(flow)).definition.hash).toBe(bind(flow).definition.hash)
      }),
    )
  })

  test('another number, key, name or scope has another hash', () => {
    const variants = [
      {},
      { concurrency: 1 },
      { concurrency: 2 },
      { concurrency: { max: 1, key: 'event.data.id' } },
      { concurrency: { max: 1, key: byId } },
      { concurrency: { max: 1, name: 'x' } },
      { concurrency: { max: 1, name: 'x', scope: 'app' } },
      { concurrency: 1, holdWhileRetrying: true },
      { rateLimit: window },
      { throttle: window },
    ]
    const hashes = variants.map((flow) => bind(flow).definition.hash)
    expect(new Set(hashes).size).toBe(variants.length)
  })

  function reversed(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(reversed)
    const entries = Object.entries(value).map(([name, one]) => [name, reversed(one)] as const)
    return Object.fromEntries(entries.toReversed())
  }
})
