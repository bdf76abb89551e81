import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineBinding, defineEvent } from '../src/index.ts'
import { createTestBed, type TestDispatch } from '../src/testing.ts'

const placed = defineEvent(
  'order.placed',
  z.object({ id: z.string(), note: z.string().optional() }),
)

const cycle: Record<string, unknown> = {}
cycle['self'] = cycle
const hostile = new Proxy({}, { get: () => expect.unreachable('read'), getPrototypeOf: () => null })

async function run(handler: () => unknown): Promise<TestDispatch> {
  await using t = await createTestBed({
    bindings: [defineBinding({ id: 'odd', on: placed, retry: { delays: ['1s'] }, handler })],
    patience: '0ms',
  })
  const [d] = await t.send(placed, { id: 'A' })
  await t.advance('1h')
  t.replay()
  expect(t.quarantined()).toEqual([])
  if (!d) throw new Error('not dispatched')
  return d
}

describe('whatever a handler throws, its dispatch ends and the rest goes on', () => {
  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['a number', 7, '7'],
    ['a cycle', cycle, 'self'],
    ['10 MB', 'x'.repeat(10_000_000), 'xxx'],
    ['a message of 10 MB', new Error('y'.repeat(10_000_000)), 'yyy'],
    ['half a character', new Error('\ud800'), '\ufffd'],
    ['an error with causes', new Error('a', { cause: new Error('b') }), 'a <- b'],
    ['something that throws when it is read', hostile, ''],
  ])('%s', async (_, thrown, message) => {
    const d = await run(() => Promise.reject(thrown))
    expect(d).toMatchObject({ state: 'dlq', attempts: 2, outcome: { reason: 'retry_exhausted' } })
    expect(d.error?.message).toContain(message)
    expect(d.error?.message.length).toBeLessThanOrEqual(256)
  })
})

describe('a result that the log cannot hold is a permanent error that names the place', () => {
  test.each<[string, unknown, string]>([
    ['a date', { at: new Date(0) }, 'result.at'],
    ['a cycle', cycle, 'result.self'],
    ['a promise in a list', [Promise.resolve(1)], 'result[0]'],
    ['1 MB', 'x'.repeat(1_000_000), 'result'],
  ])('%s', async (_, result, path) => {
    const d = await run(() => result)
    expect(d).toMatchObject({ state: 'dlq', attempts: 1, outcome: { reason: 'permanent' } })
    expect(d.error?.path).toContain(path)
  })
})

test('an input that is not there is a permanent error that names it', async () => {
  await using t = await createTestBed({
    bindings: [
      defineBinding({
        id: 'odd',
        on: placed,
        input: { note: 'event.data.note' },
        handler: ({ input }) => input.note,
      }),
    ],
  })
  const [without] = await t.send(placed, { id: 'A' })
  const [withNote] = await t.send(placed, { id: 'B', note: 'fragile' })
  expect(without).toMatchObject({
    state: 'dlq',
    attempts: 1,
    error: { class: 'permanent', message: 'input note: no event.data.note' },
  })
  expect(withNote).toMatchObject({ state: 'succeeded', output: 'fragile' })
})

test('data that the schema refuses never reaches the handler', async () => {
  await using t = await createTestBed({
    bindings: [defineBinding({ id: 'odd', on: placed, handler: () => expect.unreachable('ran') })],
  })
  await expect(t.send(placed, { id: 7 as unknown as string })).rejects.toMatchObject({
    code: 'WB1004',
  })
  const [d] = await t.send('order.placed', { id: 7 }) // by its name, as somebody else might
  expect(d).toMatchObject({ state: 'dlq', error: { message: expect.stringContaining('id') } })
})
