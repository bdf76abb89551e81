import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  defineBinding,
  defineEvent,
  PermanentError,
  RetryAfter,
  type Binding,
} from '../src/index.ts'
import { createTestBed, type TestBed } from '../src/testing.ts'

const placed = defineEvent('order.placed', z.object({ id: z.string(), total: z.number() }))
const order = { id: 'A', total: 99 }
const ship = { id: 'ship', on: placed } as const

const bedOf = (...bindings: Binding[]): Promise<TestBed> =>
  createTestBed({ bindings, name: 'shop', patience: '0ms' })

const exact = (attempts: number) =>
  ({ attempts, backoff: 'exponential', base: '1s', jitter: 'none' }) as const

test('an event, a dispatch, a result', async () => {
  await using t = await bedOf(
    defineBinding({ ...ship, handler: ({ data }) => ({ sold: data.id }) }),
  )
  const [d] = await t.send(placed, order)
  expect(d).toMatchObject({
    binding: 'ship',
    state: 'succeeded',
    attempts: 1,
    path: ['received', 'attempting', 'succeeded'],
    outcome: { status: 'succeeded' },
    output: { sold: 'A' },
  })
  expect(t.dispatches()).toEqual([d])
})

describe('retries', () => {
  test('wait as long as the policy says, with the same idempotency key', async () => {
    const runs: { at: number; attempt: number; key: string; token: string }[] = []
    await using t = await bedOf(
      defineBinding({
        ...ship,
        retry: exact(4),
        handler: ({ attempt, idempotencyKey: key, fencingToken: token }) => {
          runs.push({ at: t.now.getTime() - start, attempt, key, token })
          if (attempt < 3) throw new Error(`no ${attempt}`)
        },
      }),
    )
    const start = t.now.getTime()
    const [d] = await t.send(placed, order)
    expect(d).toMatchObject({ state: 'retryWait', attempts: 1, retryAt: start + 1000 })
    await t.advance('999ms')
    expect(d?.state).toBe('retryWait')
    await t.advance('1ms')
    expect(d).toMatchObject({ state: 'retryWait', attempts: 2, error: { message: 'no 2' } })
    await t.advance('1h')
    expect(d).toMatchObject({ state: 'succeeded', attempts: 3 })
    expect(runs.map(({ at, attempt }) => [at, attempt])).toEqual([
      [0, 1],
      [1000, 2],
      [3000, 3],
    ])
    expect(new Set(runs.map(({ key }) => key))).toEqual(new Set([d?.id]))
    expect(new Set(runs.map(({ token }) => token)).size).toBe(3)
  })

  test('end in a dead letter when they are spent', async () => {
    await using t = await bedOf(
      defineBinding({ ...ship, retry: exact(3), handler: () => Promise.reject(new Error('down')) }),
    )
    const [d] = await t.send(placed, order)
    await t.advance('1h')
    expect(d).toMatchObject({
      state: 'dlq',
      attempts: 3,
      outcome: { status: 'dlq', reason: 'retry_exhausted' },
      error: { class: 'retryable', message: 'down' },
      path: ['received', 'attempting', 'retryWait', 'attempting', 'retryWait', 'attempting', 'dlq'],
    })
    expect(t.deadLetters()).toEqual([d])
  })

  test('are not made after a permanent error', async () => {
    const fail = () => {
      throw new PermanentError('never')
    }
    await using t = await bedOf(
      defineBinding({ ...ship, handler: fail }),
      defineBinding({ ...ship, id: 'fails', onPermanentError: 'fail', handler: fail }),
    )
    const dispatches = await t.send(placed, order)
    expect(dispatches.map(({ binding, outcome }) => [binding, outcome])).toEqual([
      ['fails', { status: 'failed' }],
      ['ship', { status: 'dlq', reason: 'permanent' }],
    ])
  })

  test('do not come before the other side asked for', async () => {
    await using t = await bedOf(
      defineBinding({
        ...ship,
        retry: 'immediate',
        handler: ({ attempt }) => {
          if (attempt === 1) throw new RetryAfter(90_000)
        },
      }),
    )
    const [d] = await t.send(placed, order)
    await t.advance('89s')
    expect(d?.state).toBe('retryWait')
    await t.advance('1s')
    expect(d?.state).toBe('succeeded')
  })
})

describe('time', () => {
  const hang = (): Promise<never> => new Promise(() => undefined)

  test('an attempt ends at its deadline, and the handler is told', async () => {
    const told: unknown[] = []
    await using t = await bedOf(
      defineBinding({
        ...ship,
        retry: exact(2),
        timeouts: { attempt: '10s' },
        handler: ({ signal, deadline, attempt }) => {
          told.push(deadline.getTime() - t.now.getTime())
          signal.addEventListener('abort', () => told.push(`over ${attempt}`))
          return hang()
        },
      }),
    )
    const [d] = await t.send(placed, order)
    expect(d).toMatchObject({ state: 'attempting', attempts: 1 })
    await t.advance('10s')
    expect(d).toMatchObject({ state: 'retryWait', error: { class: 'timeout' } })
    await t.advance('1h')
    expect(d).toMatchObject({ state: 'dlq', attempts: 2, outcome: { reason: 'retry_exhausted' } })
    expect(told).toEqual([10_000, 'over 1', 10_000, 'over 2'])
  })

  test('a dispatch expires, whatever it is doing', async () => {
    await using t = await bedOf(
      defineBinding({
        ...ship,
        retry: { backoff: 'fixed', delay: '1h', attempts: 100, jitter: 'none' },
        timeouts: { scheduleToClose: '5h' },
        handler: () => Promise.reject(new Error('down')),
      }),
    )
    const [d] = await t.send(placed, order)
    await t.advance('2d')
    expect(d).toMatchObject({ state: 'dlq', outcome: { status: 'dlq', reason: 'expired' } })
    expect(d?.attempts).toBe(5)
  })

  test('things happen in order, each at its own time', async () => {
    const seen: [string, number][] = []
    const at = (id: string, delay: '1s' | '2s' | '3s') =>
      defineBinding({
        id,
        on: placed,
        retry: { delays: [delay], jitter: 'none' },
        handler: ({ attempt }) => {
          if (attempt === 1) throw new Error('once')
          seen.push([id, t.now.getTime() - start])
        },
      })
    await using t = await bedOf(at('c', '3s'), at('a', '1s'), at('b', '2s'))
    const start = t.now.getTime()
    await t.send(placed, order)
    await t.advance('1d')
    expect(seen).toEqual([
      ['a', 1000],
      ['b', 2000],
      ['c', 3000],
    ])
    expect(t.now.getTime() - start).toBe(24 * 3_600_000)
  })
})

test('one event, many bindings: one that fails never touches another', async () => {
  await using t = await bedOf(
    defineBinding({ ...ship, handler: () => 'fine' }),
    defineBinding({ id: 'any', on: 'order.>', handler: () => 'fine too' }),
    defineBinding({ ...ship, id: 'bad', handler: () => Promise.reject(new Error('bad')) }),
    defineBinding({ id: 'other', on: 'order.labelled', handler: () => 'not meant' }),
  )
  const dispatches = await t.send(placed, order)
  expect(dispatches.map(({ binding, state }) => [binding, state])).toEqual([
    ['any', 'succeeded'],
    ['bad', 'retryWait'],
    ['ship', 'succeeded'],
  ])
})

test('the same event twice is dispatched once', async () => {
  await using t = await bedOf(defineBinding({ ...ship, handler: () => 1 }))
  const first = await t.send(placed, order, { dedupeKey: 'k' })
  const again = await t.send(placed, { ...order, total: 1 }, { dedupeKey: 'k' })
  expect(again).toEqual(first)
  expect(t.events().map(({ duplicate }) => duplicate)).toEqual([false, true])
})

test('cancelling stops what runs and what waits', async () => {
  let told = false
  await using t = await bedOf(
    defineBinding({
      ...ship,
      handler: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            told = true
            reject(new Error('stopped'))
          })
        }),
    }),
    defineBinding({ ...ship, id: 'waits', handler: () => Promise.reject(new Error('down')) }),
  )
  const dispatches = await t.send(placed, order)
  for (const d of dispatches) await t.cancel(d, 'not wanted')
  expect(told).toBe(true)
  expect(dispatches.map(({ outcome }) => outcome)).toEqual(
    Array(2).fill({ status: 'cancelled', by: 'test', reason: 'not wanted' }),
  )
})

test('an isolated binding runs here, where a test can see it', async () => {
  await using t = await bedOf(defineBinding({ ...ship, isolate: true, handler: () => process.pid }))
  const [d] = await t.send(placed, order)
  expect(d).toMatchObject({ state: 'succeeded', output: process.pid })
})
