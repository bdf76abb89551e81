import { createPartition, encode, step } from '@waybill/core'
import { sha256 } from '@waybill/log'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineBinding, defineEvent, type Binding } from '../src/index.ts'
import { createTestBed, ReplayDiverged, type TestBed } from '../src/testing.ts'
import { replayJournal } from '../src/testing/replay.ts'

const placed = defineEvent('order.placed', z.object({ id: z.string(), total: z.number() }))
const labelled = defineEvent('order.labelled', z.object({ label: z.string() }))
const order = { id: 'A', total: 99 }
const ship = { id: 'ship', on: placed } as const

const bedOf = (...bindings: Binding[]): Promise<TestBed> =>
  createTestBed({ bindings, name: 'shop', patience: '0ms' })

describe('predicates', () => {
  test('every verdict is kept, and says why', async () => {
    await using t = await bedOf(
      defineBinding({ ...ship, when: 'event.data.total > 10.0', handler: () => 1 }),
      defineBinding({ ...ship, id: 'big', when: 'event.data.total > 1000.0', handler: () => 1 }),
      defineBinding({ ...ship, id: 'odd', when: 'int(event.data.id) > 1', handler: () => 1 }),
    )
    const dispatches = await t.send(placed, order)
    expect(dispatches.map(({ binding }) => binding)).toEqual(['ship'])
    expect(t.events()[0]?.verdicts).toEqual([
      { binding: 'big@v1', result: 'filtered', reason: 'event.data.total > 1000.0' },
      { binding: 'odd@v1', result: 'error', reason: expect.stringContaining('cannot convert') },
      { binding: 'ship@v1', result: 'matched' },
    ])
  })

  test('an asynchronous one is asked once, and its no is the reason of the skip', async () => {
    let asked = 0
    const ask = async () => {
      asked += 1
      return { matched: false, reason: 'not today' }
    }
    await using t = await bedOf(defineBinding({ ...ship, when: ask, handler: () => 1 }))
    const [d] = await t.send(placed, order)
    expect(d).toMatchObject({
      state: 'skipped',
      path: ['received', 'predicate', 'skipped'],
      outcome: { status: 'skipped', stage: 'predicate', reason: 'not today' },
      attempts: 0,
    })
    t.replay()
    expect(asked).toBe(1)
  })

  test('one that fails or takes too long is no match', async () => {
    await using t = await bedOf(
      defineBinding({
        ...ship,
        when: async () => Promise.reject(new Error('down')),
        handler: () => 1,
      }),
      defineBinding({
        ...ship,
        id: 'slow',
        when: async () => new Promise<boolean>(() => undefined),
        timeouts: { predicate: '5s' },
        handler: () => 1,
      }),
    )
    const dispatches = await t.send(placed, order)
    await t.advance('5s')
    expect(dispatches.map(({ outcome }) => outcome)).toEqual([
      { status: 'skipped', stage: 'predicate', reason: expect.stringContaining('down') },
      { status: 'skipped', stage: 'predicate', reason: expect.any(String) },
    ])
  })
})

describe('events that handlers send', () => {
  const labels = defineBinding({
    ...ship,
    retry: { attempts: 3 },
    handler: async ({ data, send, attempt }) => {
      await send(labelled, { label: data.id })
      if (attempt === 1) throw new Error('after the send')
    },
  })
  const prints = defineBinding({ id: 'print', on: labelled, handler: ({ data }) => data.label })

  test('are dispatched once, however often the sender runs', async () => {
    await using t = await bedOf(labels, prints)
    const [d] = await t.send(placed, order)
    await t.advance('1m')
    expect(d).toMatchObject({ state: 'succeeded', attempts: 2 })
    expect(t.dispatches().map(({ binding, output }) => [binding, output])).toEqual([
      ['ship', undefined],
      ['print', 'A'],
    ])
    expect(d?.sent).toHaveLength(2) // twice the same id
    expect(new Set(d?.sent)).toEqual(new Set([t.dispatches()[1]?.event]))
    expect(t.events().map(({ type, duplicate }) => [type, duplicate])).toEqual([
      ['order.placed', false],
      ['order.labelled', false],
      ['order.labelled', true],
    ])
  })

  test('end a loop at the depth that the binding allows', async () => {
    let runs = 0
    const echo = defineBinding({
      id: 'echo',
      on: labelled,
      maxChainDepth: 3,
      handler: async ({ send, data }) => {
        runs += 1
        await send(labelled, data)
      },
    })
    await using t = await bedOf(echo)
    await t.send(labelled, { label: 'x' })
    expect(runs).toBe(4) // depth 0 to 3; equal passes
    expect(t.dispatches().map(({ state }) => state)).toEqual([...Array(4).fill('succeeded'), 'dlq'])
    expect(t.deadLetters()[0]?.outcome).toEqual({ status: 'dlq', reason: 'loop' })
    expect(t.events().at(-1)?.verdicts).toEqual([{ binding: 'echo@v1', result: 'unjudged' }])
  })
})

describe('a run is what its journal says', () => {
  const run = async (): Promise<TestBed> => {
    const t = await bedOf(
      defineBinding({ ...ship, handler: async ({ send }) => send(labelled, { label: 'x' }) }),
      defineBinding({
        ...ship,
        id: 'flaky',
        handler: ({ attempt }) => {
          if (attempt < 4) throw new Error('no')
        },
      }),
      defineBinding({ id: 'ask', on: labelled, when: async () => false, handler: () => 1 }),
    )
    for (let n = 0; n < 20; n++) await t.send(placed, { id: `${n}`, total: n })
    await t.advance('1d')
    return t
  }

  test('two runs are the same, byte for byte', async () => {
    await using a = await run()
    await using b = await run()
    expect(a.journal().length).toBeGreaterThan(150)
    expect(a.journal()).toEqual(b.journal())
  })

  test('deciding it all again decides the same', async () => {
    await using t = await run()
    expect(t.replay().entries).toBeGreaterThan(t.journal().length)
    const d = t.dispatches().find(({ binding }) => binding === 'ship')
    if (!d) throw new Error('no dispatch')
    expect(t.history(d).map(({ from, to, index }) => [index, from, to])).toEqual([
      [0, null, 'attempting'],
      [1, 'attempting', 'succeeded'],
    ])
  })

  test('a replay that decides otherwise says where', () => {
    const id = { app: 'shop', generation: 1, slot: 0 }
    const names = { instance: 'a', incarnation: 'b', hosts: [], streams: {} }
    const input = { kind: 'epoch', epoch: 1, rules: 1, ...names } as const
    const { entry, bytes } = step(createPartition(id, sha256), input, 7)
    expect(() => replayJournal(id, [bytes])).not.toThrow()
    const edited = encode({ ...entry, facts: [] })
    expect(() => replayJournal(id, [edited])).toThrow(ReplayDiverged)
  })
})
