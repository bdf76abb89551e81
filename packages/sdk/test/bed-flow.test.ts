import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineBinding, defineEvent, type Binding, type EventOf } from '../src/index.ts'
import type { FlowSettings, HandlerContext } from '../src/index.ts'
import { createTestBed, type TestBed, type TestDispatch } from '../src/testing.ts'

const placed = defineEvent('order.placed', z.object({ id: z.string() }))
type Placed = EventOf<typeof placed>

interface Shop {
  readonly t: TestBed
  /** `[seconds since the start, what]`, in the order it happened. */
  readonly seen: [at: number, what: string][]
  send(...ids: string[]): Promise<readonly TestDispatch[]>
}

/** A binding whose handler takes ten seconds, or does what it is told. */
async function open(
  flow: FlowSettings<Placed>,
  handler: (context: HandlerContext<Placed>, t: TestBed) => unknown = (_, t) => t.sleep('10s'),
  more: Partial<Pick<Parameters<typeof defineBinding>[0], 'retry' | 'timeouts'>> = {},
): Promise<Shop> {
  const seen: Shop['seen'] = []
  const at = (): number => (t.now.getTime() - start) / 1000
  const ship: Binding = defineBinding({
    id: 'ship',
    on: placed,
    flow,
    ...more,
    handler: async (context) => {
      seen.push([at(), context.data.id])
      const output = await handler(context, t)
      seen.push([at(), `${context.data.id} done`])
      return output
    },
  })
  const t = await createTestBed({ bindings: [ship], name: 'shop' })
  const start = t.now.getTime()
  let number = 0
  return { t, seen, send }

  async function send(...ids: string[]): Promise<readonly TestDispatch[]> {
    const sent: TestDispatch[] = []
    for (const id of ids) {
      number += 1
      sent.push(...(await t.send(placed, { id }, { dedupeKey: `${number}` })))
    }
    return sent
  }
}

const states = (dispatches: readonly TestDispatch[]): string[] =>
  dispatches.map(({ state }) => state)

test('concurrency: five events, one by one', async () => {
  const { t, seen, send } = await open({ concurrency: 1 })
  await using _ = t
  const sent = await send('A', 'B', 'C', 'D', 'E')
  expect(states(sent)).toEqual(['attempting', ...Array<string>(4).fill('flowGated')])
  expect(t.waiting().map(({ waitsFor }) => waitsFor)).toEqual(
    [0, 1, 2, 3].map((ahead) => ({
      limit: 'ship/concurrency',
      key: undefined,
      since: t.now.getTime(),
      numbers: { used: 1, max: 1, ahead },
    })),
  )
  await t.advance('1m')
  expect(seen).toEqual([
    [0, 'A'],
    [10, 'A done'],
    [10, 'B'],
    [20, 'B done'],
    [20, 'C'],
    [30, 'C done'],
    [30, 'D'],
    [40, 'D done'],
    [40, 'E'],
    [50, 'E done'],
  ])
  expect(new Set(states(sent))).toEqual(new Set(['succeeded']))
  expect(t.waiting()).toEqual([])
  t.replay()
})

test('concurrency by key: a busy key holds no permit that others could use', async () => {
  const { t, seen, send } = await open({ concurrency: [3, { max: 1, key: ({ data }) => data.id }] })
  await using _ = t
  await send('A', 'A', 'A', 'B', 'C', 'D')
  expect(t.waiting().map(({ waitsFor }) => [waitsFor?.limit, waitsFor?.key])).toEqual([
    ['ship/concurrency-2', 'A'],
    ['ship/concurrency-2', 'A'],
    ['ship/concurrency', undefined],
  ])
  await t.advance('1m')
  expect(seen.filter(([, what]) => !what.endsWith('done'))).toEqual([
    [0, 'A'],
    [0, 'B'],
    [0, 'C'],
    [10, 'D'],
    [10, 'A'],
    [20, 'A'],
  ])
})

test('debounce: the newest of a row, which knows for how many it stands', async () => {
  const { t, seen, send } = await open(
    { debounce: { key: 'event.data.id', period: '5s' } },
    () => 1,
  )
  await using _ = t
  const sent: TestDispatch[] = []
  for (const _ of [1, 2, 3]) {
    sent.push(...(await send('A')))
    await t.advance('4s')
  }
  await send('B')
  await t.advance('1s')
  expect(seen).toEqual([
    [13, 'A'],
    [13, 'A done'],
  ])
  const [first, , winner] = sent
  expect(states(sent)).toEqual(['skipped', 'skipped', 'succeeded'])
  expect(winner?.standsFor).toBe(3)
  expect(first?.outcome).toMatchObject({
    status: 'skipped',
    reason: expect.stringMatching(/^ship\/debounce\/\w+: debounced \(came \d, by \S+\)$/),
  })
  await t.advance('1m')
  expect(seen.slice(2)).toEqual([
    [17, 'B'],
    [17, 'B done'],
  ])
  t.replay()
})

test('debounce: no longer than maxWait, however restless it is', async () => {
  const { t, seen, send } = await open(
    { debounce: { all: true, period: '5s', maxWait: '12s' } },
    () => 1,
  )
  await using _ = t
  for (let at = 0; at < 20; at += 2) {
    await send(`at ${at}`)
    await t.advance('2s')
  }
  expect(seen.map(([at]) => at)).toEqual([12, 12])
})

test('rate limit: over it events are skipped, with the numbers and the time to come back', async () => {
  const { t, send } = await open({ rateLimit: { max: 2, period: '1m' } }, () => 1)
  await using _ = t
  const [a] = await send('A')
  await t.advance('20s')
  const [b, c] = await send('B', 'C')
  expect([a, b, c].map((one) => one?.state)).toEqual(['succeeded', 'succeeded', 'skipped'])
  expect(c?.outcome).toEqual({
    status: 'skipped',
    stage: 'gate',
    reason: 'ship/rateLimit: rate_limited (max 2, periodMs 60000, retryAfterMs 40000, used 2)',
  })
  await t.advance('40s')
  expect(states(await send('D', 'E'))).toEqual(['succeeded', 'skipped'])
})

test('throttle: over it events wait for the window', async () => {
  const { t, seen, send } = await open({ throttle: { max: 2, period: '1m' } }, () => 1)
  await using _ = t
  await send('A', 'B', 'C', 'D', 'E')
  expect(t.waiting()).toHaveLength(3)
  await t.advance('10m')
  expect(seen.filter(([, what]) => !what.endsWith('done'))).toEqual([
    [0, 'A'],
    [0, 'B'],
    [60, 'C'],
    [60, 'D'],
    [120, 'E'],
  ])
})

test('singleton: who comes while one is active is skipped, or takes over', async () => {
  const skipping = await open({ singleton: 'skip' })
  await using _ = skipping.t
  const [a, b] = await skipping.send('A', 'B')
  await skipping.t.advance('1m')
  expect([a?.state, b?.state]).toEqual(['succeeded', 'skipped'])
  expect(b?.outcome).toMatchObject({
    reason: `ship/singleton: singleton_active (max 1, by ${a?.id})`,
  })

  const told: unknown[] = []
  const replacing = await open({ singleton: 'replace' }, ({ signal }, t) => {
    signal.addEventListener('abort', () => told.push(signal.reason))
    return t.sleep('10s')
  })
  await using __ = replacing.t
  const sent = await replacing.send('A', 'B', 'C')
  await replacing.t.advance('1m')
  expect(states(sent)).toEqual(['superseded', 'superseded', 'succeeded'])
  expect(told).toMatchObject([{ reason: 'superseded' }, { reason: 'superseded' }])
})

test('batch: several events in one run, the others end as merged into it', async () => {
  const { t, seen, send } = await open({ batch: { size: 3, timeout: '5s' } }, ({ events }) =>
    events.map(({ data }) => data.id),
  )
  await using _ = t
  const [leader, ...members] = await send('A', 'B', 'C')
  expect(leader).toMatchObject({ state: 'succeeded', standsFor: 3, output: ['A', 'B', 'C'] })
  expect(members.map(({ outcome }) => outcome)).toMatchObject(
    Array(2).fill({ status: 'skipped', reason: expect.stringContaining(`by ${leader?.id}`) }),
  )
  const [late] = await send('D')
  expect(late).toMatchObject({ state: 'flowGated', waitsFor: { limit: 'ship/batch' } })
  await t.advance('5s')
  expect(late).toMatchObject({ state: 'succeeded', output: ['D'] })
  expect(seen).toHaveLength(4)
  t.replay()
})

test.each([
  ['queue', ['succeeded', 'succeeded', 'succeeded'], [0, 10, 20]],
  ['interrupt', ['superseded', 'superseded', 'succeeded'], [0, 0, 0]],
  ['reject', ['succeeded', 'skipped', 'skipped'], [0]],
] as const)('the key’s policy %s', async (policy, ends, starts) => {
  const { t, seen, send } = await open({ key: { key: 'event.data.id', policy } })
  await using _ = t
  const sent = await send('A', 'A', 'A')
  const [other] = await send('B')
  expect(other?.state).toBe('attempting')
  await t.advance('1m')
  expect(states(sent)).toEqual(ends)
  expect(seen.filter(([, what]) => what === 'A').map(([at]) => at)).toEqual(starts)
  t.replay()
})

test.each([
  [false, ['A', 'B', 'A', 'A done']],
  [true, ['A', 'A', 'A done', 'B']],
] as const)('during the pause before a retry the permit is held: %s', async (held, order) => {
  const { t, seen, send } = await open(
    { concurrency: 1, holdWhileRetrying: held },
    ({ attempt, data }, bed) => {
      if (data.id === 'A' && attempt === 1) throw new Error('once')
      return bed.sleep('3s')
    },
    { retry: { delays: ['1s'], jitter: 'none' } },
  )
  await using _ = t
  await send('A', 'B')
  await t.advance('1m')
  expect(seen.map(([, what]) => what).filter((what) => what !== 'B done')).toEqual(order)
})

test('one who waits can be cancelled', async () => {
  const { t, send } = await open({ concurrency: 1 }, (_, bed) => bed.sleep('20s'))
  await using _ = t
  const [, b, c] = await send('A', 'B', 'C')
  if (!b) throw new Error('not dispatched')
  await t.cancel(b)
  expect(b.state).toBe('cancelled')
  expect(t.waiting()).toEqual([c])
  await t.advance('1m')
  expect(c?.state).toBe('succeeded')
})

test('one who waits too long expires', async () => {
  const { t, seen, send } = await open({ concurrency: 1 }, (_, bed) => bed.sleep('10s'), {
    timeouts: { scheduleToStart: '15s' },
  })
  await using _ = t
  const sent = await send('A', 'B', 'C')
  await t.advance('1m')
  expect(sent.map(({ outcome }) => outcome)).toEqual([
    { status: 'succeeded' },
    { status: 'succeeded' },
    { status: 'dlq', reason: 'expired' },
  ])
  expect(seen.map(([at]) => at)).toEqual([0, 10, 10, 20])
})

test('a limit of the app is shared by name, and the urgent go first', async () => {
  const order: string[] = []
  const printer = { name: 'printer', scope: 'app', max: 1 } as const
  const printing = (id: string, priority: 'low' | 'critical') =>
    defineBinding({
      id,
      on: placed,
      priority,
      flow: { concurrency: printer },
      handler: ({ data }) => {
        order.push(`${id} ${data.id}`)
        return t.sleep('10s')
      },
    })
  await using t = await createTestBed({
    bindings: [printing('a', 'low'), printing('b', 'critical')],
  })
  for (const id of ['1', '2', '3']) await t.send(placed, { id })
  await t.advance('2m')
  expect(order).toEqual(['a 1', 'b 1', 'b 2', 'b 3', 'a 2', 'a 3'])
})

test('a limit of all apps is led by the shared app', async () => {
  const { t, seen, send } = await open({
    concurrency: { max: 1, scope: 'global', name: 'printer' },
  })
  await using _ = t
  await send('A', 'B')
  expect(t.waiting()).toMatchObject([
    { waitsFor: { limit: '@global/printer', numbers: { used: 1, max: 1 } } },
  ])
  await t.advance('1m')
  expect(seen.map(([at]) => at)).toEqual([0, 10, 10, 20])
  t.replay()
})

test('a key that cannot be had is an error of that event', async () => {
  const { t, send } = await open({
    concurrency: { max: 1, key: (event) => (event.data as { typo?: string }).typo ?? fail() },
  })
  await using _ = t
  expect(await send('A')).toEqual([])
  expect(t.events()[0]?.verdicts).toMatchObject([
    { result: 'error', reason: 'key: concurrency: Error: no typo' },
  ])
})

function fail(): never {
  throw new Error('no typo')
}
