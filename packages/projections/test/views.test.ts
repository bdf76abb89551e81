import type { Effect } from '@waybill/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fillStore } from '../src/rebuild.ts'
import { countDispatches, findDispatch, listDispatches } from '../src/query/dispatches.ts'
import { type EventSummary, listEvents } from '../src/query/events.ts'
import { graphOf } from '../src/query/graph.ts'
import { readRates } from '../src/query/rates.ts'
import { openSqliteStore } from '../src/sqlite/store.ts'
import { percentile, tookClass } from '../src/took.ts'
import { acts, live } from './acts.ts'
import { binding, createPlayer, createStage } from './player.ts'
import { logOf } from './stored.ts'
import { told } from './told.ts'

const minute = 60_000
const t0 = 1_760_000_040_000 // a whole minute

test('minutes and longer stretches say what happened in them, and how long it took', async () => {
  const stage = createStage(t0)
  const player = createPlayer(stage, 'triage', 0, 4)
  player.deploy([binding()])
  player.epoch()
  const takes = (ms: number) => {
    player.send()
    stage.now += ms
    player.answer(player.pending[0] as Effect, { status: 'succeeded', sent: [], ms })
  }
  for (let n = 0; n < 9; n++) takes(100)
  takes(10_000)
  stage.now = t0 + 4 * minute
  takes(20)
  player.commit()
  const { db } = await told(stage)
  const range = { since: t0, until: t0 + 10 * minute }
  const [first, ...more] = await readRates(db, { ...range, bucketMs: minute })
  expect(first).toMatchObject({ at: t0, started: 10, succeeded: 10, failed: 0, retried: 0 })
  expect(Math.abs((first?.p50Ms ?? 0) / 100 - 1)).toBeLessThan(0.2)
  expect(Math.abs((first?.p95Ms ?? 0) / 10_000 - 1)).toBeLessThan(0.2)
  expect(more).toMatchObject([{ at: t0 + 4 * minute, started: 1, succeeded: 1 }])
  const whole = await readRates(db, { ...range, bucketMs: 10 * minute })
  const starts = whole.map(({ at, started }) => [at % (10 * minute), started])
  expect(starts).toEqual([[0, 11]])
  expect(await readRates(db, { ...range, bucketMs: minute, binding: 'none' })).toEqual([])
  expect(await readRates(db, { ...range, since: t0 + 5 * minute, bucketMs: minute })).toEqual([])
})

test('a percentile is within a fifth of the real one, for any durations', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 30 * 24 * 3_600_000 }), { minLength: 1 }),
      fc.constantFrom(0.5, 0.95),
      (durations, share) => {
        const counts = new Map<number, number>()
        for (const ms of durations) {
          counts.set(tookClass(ms), (counts.get(tookClass(ms)) ?? 0) + 1)
        }
        const sorted = durations.toSorted((a, b) => a - b)
        const real = sorted[Math.ceil(share * sorted.length) - 1] ?? 0
        const found = percentile(counts, share) ?? 0
        // 2^(1/4) is 1.19; what is told is whole ms.
        expect(Math.abs(found - real)).toBeLessThanOrEqual(real * 0.2 + 1)
      },
    ),
  )
  expect(percentile(new Map(), 0.5)).toBeUndefined()
})

test('a list of events has each once, newest first, whatever the pages, with what became of it', async () => {
  const window = { windowRows: 3, windowsMax: 2 }
  await fc.assert(
    fc.asyncProperty(acts, fc.integer({ min: 1, max: 7 }), async (script, limit) => {
      await using store = openSqliteStore({ file: ':memory:' })
      const { stage } = live(script)
      await fillStore({ log: await logOf(stage), stream: 'JOURNAL_g1' }, store)
      const rows = await store.db.selectFrom('event').selectAll().execute()
      const events: EventSummary[] = []
      let cursor: string | undefined
      do {
        const page = await listEvents(store.db, { limit, cursor }, window)
        events.push(...page.events)
        cursor = page.next
      } while (cursor !== undefined)
      const order = (one: { at: number; journal_seq: number; journal_place: number }) =>
        one.journal_seq * 65_536 + one.journal_place
      const expected = rows.toSorted((a, b) => b.at - a.at || order(b) - order(a))
      expect(events.map(({ id, app, seq }) => [id, app, seq])).toEqual(
        expected.map(({ id, app, seq }) => [id, app, seq]),
      )
      const dispatches = await store.db.selectFrom('dispatch').selectAll().execute()
      const reruns = dispatches.filter(({ rerun_of }) => rerun_of !== null).length
      const sum = (of: Readonly<Record<string, number>>) =>
        Object.values(of).reduce((all, one) => all + one, 0)
      const states = events.reduce((all, one) => all + sum(one.states), 0)
      expect(states).toBe(dispatches.length - reruns)
    }),
    { numRuns: 100 },
  )
})

test('a count is that of the list, by state', async () => {
  const stage = createStage()
  const player = createPlayer(stage, 'triage', 0, 4)
  player.deploy([binding(), binding({ id: 'audit' })])
  player.epoch()
  for (let n = 0; n < 3; n++) player.send({ subject: `s#${n}` })
  player.answer(player.pending[0] as Effect, { status: 'succeeded', sent: [], ms: 1 })
  player.commit()
  const { db } = await told(stage)
  const all = await countDispatches(db, {})
  expect(all).toEqual({ count: 6, states: { attempting: 5, succeeded: 1 }, more: false })
  const some = { binding: 'audit', state: ['attempting' as const], text: 's#1' }
  const { dispatches } = await listDispatches(db, { ...some, limit: 10 })
  expect((await countDispatches(db, some)).count).toBe(dispatches.length)
  const [row] = dispatches
  expect((await countDispatches(db, { event: row?.event })).count).toBe(2)
})

test('a graph as of a transition holds what had happened by then', async () => {
  const stage = createStage()
  const player = createPlayer(stage, 'triage', 0, 4)
  player.deploy([binding()])
  player.epoch()
  player.send()
  for (let attempt = 1; attempt <= 3; attempt++) {
    const error = { class: 'retryable', name: 'Error', message: 'no' } as const
    player.answer(player.pending[0] as Effect, { status: 'failed', error, sent: [], ms: 2 })
    stage.now += 1000
    player.settle()
  }
  player.commit()
  const { db, log } = await told(stage)
  const row = await findDispatch(db, [...player.partition.dead.keys()][0] ?? '')
  const kindsAt = async (upTo?: number) =>
    (await graphOf({ db, log }, row, 'chain', upTo)).nodes.map(({ kind }) => kind)
  expect(await kindsAt(0)).toEqual(['trigger', 'dispatch'])
  expect(await kindsAt(1)).toEqual(['trigger', 'dispatch', 'retry'])
  const whole = await kindsAt()
  expect(whole).toContain('dlq')
  expect(await kindsAt(row.transitions - 1)).toEqual(whole)
})
