import { type Entry, type FlowSpec, type KeyedLimit, type Plain, sharedApp } from '@waybill/core'
import { describe, expect, test } from 'vitest'
import { changeLimit } from '../src/deploy.ts'
import { ledgersOnly } from '../src/ledgers-only.ts'
import {
  appOf,
  createSystem,
  definition,
  ends,
  eventually,
  leading,
  transitions,
  until,
  type AppOptions,
  type RunningHost,
  type System,
} from './system.ts'

const slots = 4
const cel = { kind: 'cel', text: 'event.data.key' } as const

function flowOf(...limits: readonly KeyedLimit[]): FlowSpec {
  return { limits: [...limits], holdWhileRetrying: false }
}

const one = (scope: 'binding' | 'app' | 'global', max = 1): KeyedLimit => ({
  name: 'concurrency',
  scope,
  rule: { kind: 'concurrency', max },
})

interface Gated {
  readonly system: System
  readonly running: RunningHost
  /** Handlers that run now, and the most that ran at once. */
  readonly count: { now: number; most: number; ran: number }
  /** Lets the oldest handler that runs return. */
  release(): void
}

async function start(flow: FlowSpec, options: AppOptions = {}): Promise<Gated> {
  const system = createSystem({ slots })
  const count = { now: 0, most: 0, ran: 0 }
  const held: (() => void)[] = []
  const app = appOf({
    definitions: [definition({ flow })],
    key: (_, event) => String((event.data as { key?: string }).key),
    run: async () => {
      count.now += 1
      count.ran += 1
      count.most = Math.max(count.most, count.now)
      const { promise, resolve } = Promise.withResolvers<Plain | undefined>()
      held.push(() => resolve(undefined))
      await promise
      count.now -= 1
      return undefined
    },
    ...options,
  })
  await system.deploy(app)
  const running = system.host(app)
  await until('it leads', () => leading(running) === slots)
  return { system, running, count, release: () => held.shift()?.() }
}

const events = (count: number, key = 'k'): { data: Plain }[] =>
  Array.from({ length: count }, () => ({ data: { key } }))

const letters = (entries: readonly Entry[]): number =>
  entries.filter(({ input }) => input.kind === 'letter').length

async function finish({ system, count, release }: Gated, dispatches: number): Promise<void> {
  await eventually(system, 'all ended', async () => {
    release()
    return ends(await system.journal()).size === dispatches && count.now === 0
  })
}

describe('a limit whose ledger is in another partition', () => {
  test.each([['binding'], ['app']] as const)(
    'of scope %s lets one in at a time, over all partitions',
    async (scope) => {
      const gated = await start(flowOf(one(scope)))
      await gated.system.send(...events(12))
      await finish(gated, 12)
      expect(gated.count).toEqual({ now: 0, most: 1, ran: 12 })
      const outcomes = [...ends(await gated.system.journal()).values()].flat()
      expect(outcomes).toEqual(Array.from({ length: 12 }, () => 'succeeded'))
      expect(letters(await gated.system.journal())).toBeGreaterThan(0)
      await gated.running.stop()
    },
  )

  test('of scope global is led by the shared app, for every app', async () => {
    const gated = await start(flowOf(one('global', 2)))
    const shared = gated.system.host(ledgersOnly)
    await until('the ledgers are led', () => leading(shared) === slots)
    await gated.system.send(...events(8))
    await finish(gated, 8)
    expect(gated.count).toEqual({ now: 0, most: 2, ran: 8 })
    expect(letters(await gated.system.journal(sharedApp))).toBeGreaterThanOrEqual(16)
    await gated.running.stop()
    await shared.stop()
  })

  test('keeps its count when the host that leads all of it dies', async () => {
    const gated = await start(flowOf(one('binding', 2)))
    await gated.system.send(...events(6))
    await until('two run', () => gated.count.now === 2)
    gated.running.crash()
    let most = 0
    let now = 0
    const heir = gated.system.host(
      appOf({
        definitions: [definition({ flow: flowOf(one('binding', 2)) })],
        run: async () => {
          now += 1
          most = Math.max(most, now)
          await new Promise((resolve) => setImmediate(resolve))
          now -= 1
          return undefined
        },
      }),
    )
    await eventually(
      gated.system,
      'all ended',
      async () => ends(await gated.system.journal()).size === 6,
    )
    expect(most).toBeLessThanOrEqual(2)
    await heir.stop()
  })
})

test('a ledger in the event’s own partition costs no letter', async () => {
  const gated = await start(flowOf({ ...one('binding'), key: cel }))
  await gated.system.send(...events(5).map((event) => ({ ...event, partitionKey: 'k' })))
  await finish(gated, 5)
  expect(gated.count).toEqual({ now: 0, most: 1, ran: 5 })
  expect(letters(await gated.system.journal())).toBe(0)
  await gated.running.stop()
})

test('a batch runs once, with all its events', async () => {
  const seen: number[] = []
  const rule = { kind: 'batch', size: 3, timeoutMs: 60_000 } as const
  const gated = await start(flowOf({ name: 'batch', scope: 'binding', rule }), {
    run: async ({ batch = [], event }) => {
      if (batch.length > 0) expect(batch[0]?.id).toBe(event.id)
      seen.push(new Set(batch.map(({ id }) => id)).size)
      return undefined
    },
  })
  await gated.system.send(...events(7))
  await finish(gated, 7)
  expect(seen.toSorted((a, b) => a - b)).toEqual([0, 3, 3])
  await gated.running.stop()
})

test('a limit that is changed while many wait is judged again at once', async () => {
  const gated = await start(flowOf(one('binding')))
  await gated.system.send(...events(9))
  await until('one runs', () => gated.count.now === 1)
  const change = { app: 'shop', limit: 'ship/concurrency', by: 'ann', reason: 'night' }
  await changeLimit(gated.system.log, gated.system.topology, { ...change, rule: { max: 5 } })
  await until('five run', () => gated.count.now === 5)
  await finish(gated, 9)
  expect(gated.count.most).toBe(5)
  await gated.running.stop()
})

test('who is cancelled while it waits gives its place up', async () => {
  const gated = await start(flowOf(one('binding')))
  await gated.system.send(...events(3))
  await until('one runs', () => gated.count.now === 1)
  await eventually(gated.system, 'two wait', async () => {
    const waiting = transitions(await gated.system.journal()).filter(
      ({ record }) => record.state === 'flowGated' && record.flow?.why,
    )
    return new Set(waiting.map(({ dispatch }) => dispatch)).size === 2
  })
  for (let slot = 0; slot < slots; slot++) {
    await gated.running.host.post(slot, {
      v: 1,
      id: `cancel-${slot}`,
      from: { kind: 'client', id: 'test' },
      body: {
        kind: 'cancel',
        target: { kind: 'filter', state: 'flowGated' },
        by: 'ann',
        reason: 'not needed',
      },
    })
  }
  await finish(gated, 3)
  expect(gated.count.ran).toBe(1)
  await gated.running.stop()
})
