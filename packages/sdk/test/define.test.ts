import { retryPolicy, type Definition } from '@waybill/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { durationMs } from '../src/define/duration.ts'
import { defineApp, defineBinding, defineEvent } from '../src/index.ts'
import { issuesOf } from './issues.ts'

const placed = defineEvent(
  'order.placed',
  z.object({ id: z.string(), total: z.number(), count: z.int() }),
)
const handler = (): void => undefined
const minimal = { id: 'ship', on: placed, handler }

/** As a user of JavaScript would call it: nothing is checked before. */
const defineAny = defineBinding as unknown as (spec: object) => ReturnType<typeof defineBinding>

const policyOf = (retry: unknown): Definition['retry'] =>
  defineAny({ ...minimal, retry }).definition.retry

describe('durations', () => {
  test.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['1.1m', 66_000],
    ['1h', 3_600_000],
    ['2d', 172_800_000],
    [{ ms: 5 }, 5],
    ['0s', 0],
  ])('%j', (duration, ms) => expect(durationMs(duration)).toBe(ms))

  test.each([
    '30',
    '30 s',
    '30sec',
    '-1s',
    '1e3s',
    '',
    's',
    5,
    null,
    undefined,
    {},
    { ms: -1 },
    { ms: 1.5 },
    { ms: 1, s: 2 },
    { ms: NaN },
  ])('none: %j', (text) => expect(durationMs(text)).toBeUndefined())

  test('units agree with each other', () => {
    fc.assert(
      fc.property(fc.nat(10_000), (n) => {
        expect(durationMs(`${n}m`)).toBe(durationMs(`${n * 60}s`))
        expect(durationMs(`${n}h`)).toBe(durationMs({ ms: n * 3_600_000 }))
      }),
    )
  })
})

describe('retry', () => {
  test.each([
    [undefined, { kind: 'exponential', baseMs: 1000, factor: 2, capMs: 300_000, maxAttempts: 5 }],
    [{ attempts: 4 }, { kind: 'exponential', maxAttempts: 4 }],
    [
      { attempts: 4, backoff: 'exponential', base: '50ms', factor: 3, cap: '1s', jitter: 'none' },
      { kind: 'exponential', maxAttempts: 4, baseMs: 50, factor: 3, capMs: 1000, jitter: 'none' },
    ],
    [
      { backoff: 'linear', step: '2s' },
      { kind: 'linear', stepMs: 2000 },
    ],
    [
      { backoff: 'fixed', delay: { ms: 7 } },
      { kind: 'fixed', delayMs: 7 },
    ],
    ['immediate', { kind: 'immediate' }],
    [
      { backoff: 'immediate', attempts: 2 },
      { kind: 'immediate', maxAttempts: 2 },
    ],
    ['svix', { kind: 'svix', maxAttempts: 8 }],
    [{ delays: ['1s', '5s'] }, { kind: 'list', delaysMs: [1000, 5000], maxAttempts: 3 }],
  ])('%j', (retry, policy) => {
    expect(policyOf(retry)).toMatchObject(policy)
    expect(retryPolicy.parse(policyOf(retry))).toEqual(policyOf(retry))
  })
})

describe('what is wrong is refused with code, path and hint', () => {
  test.each([
    [{ id: 'no spaces' }, 'definition.type', 'id', '1 to 64'],
    [{ id: 'x'.repeat(65) }, 'definition.type', 'id', '1 to 64'],
    [{ on: undefined }, 'definition.missing', 'on', 'defineEvent'],
    [{ on: [] }, 'definition.range', 'on', ''],
    [{ on: 'a b' }, 'definition.type', 'on', 'github.>'],
    [{ on: 'a.>.b' }, 'definition.type', 'on', 'github.>'],
    [{ on: [placed, 'x', 'x'] }, 'definition.duplicate', 'on[2]', 'once'],
    [{ wen: 'true' }, 'definition.unknown', 'wen', 'did you mean when?'],
    [{ flows: {} }, 'definition.unknown', 'flows', 'did you mean flow?'],
    [{ when: 5 }, 'definition.type', 'when', '(event) => boolean'],
    [{ when: 'event.data.typo > 1' }, 'definition.cel', 'when', 'known here: id, total, count'],
    [{ when: 'event.data.total' }, 'definition.cel', 'when', 'it must be bool'],
    [{ key: 'event.data.total' }, 'definition.cel', 'key', 'string or int or bool'],
    [{ key: async () => 'x' }, 'definition.type', 'key', '(event) => string'],
    [{ input: { order: 'event.data.typo' } }, 'definition.input', 'input.order', 'known there: id'],
    [{ input: { order: 'data.id' } }, 'definition.input', 'input.order', 'event.data.order.id'],
    [{ input: { order: 'event.data.id + "x"' } }, 'definition.input', 'input.order', 'a path'],
    [{ input: { order: 'event.secret' } }, 'definition.input', 'input.order', 'known there: id'],
    [{ retry: 'often' }, 'definition.type', 'retry', "'immediate'"],
    [{ retry: { backoff: 'cubic' } }, 'definition.type', 'retry.backoff', "'linear'"],
    [{ retry: { base: '5 seconds' } }, 'definition.unit', 'retry.base', "'30s'"],
    [{ retry: { base: 5 } }, 'definition.unit', 'retry.base', "'30s'"],
    [{ retry: { atempts: 3 } }, 'definition.unknown', 'retry.atempts', 'attempts'],
    [{ retry: { attempts: 0 } }, 'definition.range', 'retry.attempts', 'attempts: 4'],
    [{ retry: { attempts: 2.5 } }, 'definition.range', 'retry.attempts', 'attempts: 4'],
    [{ retry: { factor: 0 } }, 'definition.range', 'retry.factor', ''],
    [{ retry: { base: '10m', cap: '1m' } }, 'definition.conflict', 'retry.cap', 'longest wait'],
    [
      { retry: { backoff: 'fixed', delay: '1s', factor: 2 } },
      'definition.conflict',
      'retry.factor',
      'known with fixed',
    ],
    [{ retry: { backoff: 'fixed' } }, 'definition.range', 'retry.delay', ''],
    [
      { retry: { delays: ['1s'], backoff: 'linear' } },
      'definition.conflict',
      'retry.backoff',
      'leave backoff out',
    ],
    [
      { retry: { delays: ['1s'], attempts: 3 } },
      'definition.conflict',
      'retry.attempts',
      'leave attempts out',
    ],
    [{ retry: { delays: ['1s', '2 s'] } }, 'definition.unit', 'retry.delays[1]', "'30s'"],
    [{ retry: { delays: [] } }, 'definition.range', 'retry.delays', ''],
    [
      { timeouts: { atempt: '1s' } },
      'definition.unknown',
      'timeouts.atempt',
      'did you mean attempt?',
    ],
    [{ timeouts: { attempt: '1 s' } }, 'definition.unit', 'timeouts.attempt', "'30s'"],
    [{ timeouts: { attempt: '0s' } }, 'definition.range', 'timeouts.attempt', ''],
    [{ timeouts: { attempt: '60d' } }, 'definition.conflict', 'timeouts.attempt', 'expire first'],
    [
      { timeouts: { attempt: '1h', scheduleToClose: '1m' } },
      'definition.conflict',
      'timeouts.attempt',
      'expire first',
    ],
    [
      { timeouts: { scheduleToStart: '2h', scheduleToClose: '1h' } },
      'definition.conflict',
      'timeouts.scheduleToStart',
      'expire',
    ],
    [
      { timeouts: { predicate: '1s' }, when: 'true' },
      'definition.conflict',
      'timeouts.predicate',
      'judged at once',
    ],
    [{ priority: 'urgent' }, 'definition.range', 'priority', ''],
    [{ onPermanentError: 'ignore' }, 'definition.range', 'onPermanentError', ''],
    [{ isolate: 'yes' }, 'definition.type', 'isolate', ''],
    [{ maxChainDepth: 0 }, 'definition.range', 'maxChainDepth', ''],
    [{ handler: undefined }, 'definition.missing', 'handler', 'async (context)'],
    [{ handler: 'x' }, 'definition.type', 'handler', 'async (context)'],
  ])('%j', (wrong, code, path, hint) => {
    const issues = issuesOf(() => defineAny({ ...minimal, ...wrong }))
    expect(issues).toMatchObject([{ code, path }])
    expect(issues[0]?.hint).toContain(hint)
  })

  test('what cannot be shown is refused like the rest', () => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    for (const odd of [cycle, { ms: 5n }, [5n]]) {
      const issues = issuesOf(() => defineAny({ ...minimal, timeouts: { attempt: odd } }))
      expect(issues).toMatchObject([{ code: 'definition.unit', path: 'timeouts.attempt' }])
    }
  })

  test('all at once, and readable', () => {
    const wrong = { id: '', on: 'a b', retry: { base: 'x' }, timeouts: 5, wen: 1 }
    const issues = issuesOf(() => defineAny(wrong))
    expect(issues.map(({ path }) => path).toSorted()).toEqual([
      'handler',
      'id',
      'on',
      'retry.base',
      'timeouts',
      'wen',
    ])
    expect(() => defineAny(wrong)).toThrow(
      /WB1001 binding "" is not valid\n.*definition.unknown at wen: no such setting/,
    )
  })

  test('events and apps', () => {
    const ship = defineBinding(minimal)
    const again = defineEvent('order.placed', z.object({ id: z.string() }))
    const other = defineBinding({ id: 'other', on: again, handler })
    const defineOther = defineApp as unknown as (spec: object) => void
    const wrong = (spec: object): unknown =>
      issuesOf(() => defineOther({ name: 'shop', bindings: [ship], ...spec }))
    expect(issuesOf(() => defineEvent('a..b', z.string()))).toMatchObject([{ path: 'type' }])
    expect(issuesOf(() => defineEvent('a', undefined as unknown as z.ZodType))).toMatchObject([
      { path: 'schema' },
    ])
    expect(wrong({})).toEqual([])
    expect(wrong({ name: 'a b' })).toMatchObject([{ path: 'name' }])
    expect(wrong({ bindings: [] })).toMatchObject([
      { code: 'definition.missing', path: 'bindings' },
    ])
    expect(wrong({ bindings: [ship, ship] })).toMatchObject([
      { code: 'definition.duplicate', path: 'bindings[1].id' },
    ])
    expect(wrong({ bindings: [ship, other] })).toMatchObject([
      { code: 'definition.conflict', path: 'events.order.placed' },
    ])
    expect(wrong({ bindings: [{ id: 'x' }] })).toMatchObject([
      { code: 'definition.type', path: 'bindings[0]' },
    ])
    expect(wrong({ binding: 1 })).toMatchObject([{ code: 'definition.unknown', path: 'binding' }])
  })
})

describe('the definition hash', () => {
  const hashOf = (spec: object = {}): string => defineAny({ ...minimal, ...spec }).definition.hash
  const total = (event: { data: { total: number } }): boolean => event.data.total > 1

  test('is the same for the same definition, whatever the order of its settings', () => {
    expect(hashOf({ priority: 'low', retry: 'svix' })).toBe(
      hashOf({ retry: 'svix', priority: 'low' }),
    )
    expect(hashOf()).toMatch(/^[0-9a-f]{32}$/)
  })

  test('changes with everything that can change what a dispatch does', () => {
    const variants = [
      {},
      { when: 'event.data.total > 1.0' },
      { when: 'event.data.total > 2.0' },
      { when: total },
      { key: 'event.data.id' },
      { input: { order: 'event.data.id' } },
      { retry: 'svix' },
      { timeouts: { attempt: '1s' } },
      { priority: 'high' },
      { onPermanentError: 'fail' },
      { isolate: true },
      { maxChainDepth: 3 },
      { handler: () => 1 },
      { on: 'order.placed.*' },
      { id: 'other' },
    ]
    expect(new Set(variants.map(hashOf)).size).toBe(variants.length)
  })
})
