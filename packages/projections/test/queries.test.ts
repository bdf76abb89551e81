import { type DispatchState, dispatchState, typeMatches } from '@waybill/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { liveBundle, liveOf } from '../src/live.ts'
import { openFolder } from '../src/fold.ts'
import { sha256 } from '@waybill/log'
import { listBindings } from '../src/query/bindings.ts'
import { listDeadLetters } from '../src/query/dead-letters.ts'
import { type DispatchFilter, findDispatch, listDispatches } from '../src/query/dispatches.ts'
import { type DispatchSummary, summaryOf } from '../src/query/summary.ts'
import type { ScanBounds } from '../src/query/scan.ts'
import { openSqliteStore } from '../src/sqlite/store.ts'
import { topOf } from '../src/dead-letters.ts'
import { fillStore } from '../src/rebuild.ts'
import { type Act, acts, live } from './acts.ts'
import { binding, createPlayer, createStage } from './player.ts'
import { logOf } from './stored.ts'
import { told } from './told.ts'

type Wanted = Omit<DispatchFilter, 'limit' | 'cursor' | 'event'>

/** Mostly one or two conditions: with all of them there is nothing left to list. */
const filters: fc.Arbitrary<Wanted> = fc.record({
  app: rarely(fc.constantFrom('triage', 'other')),
  state: fc.option(fc.subarray([...dispatchState.options]), { nil: undefined }),
  binding: rarely(fc.constantFrom('label', 'label@v1', 'audit@v2', 'none')),
  type: rarely(fc.constantFrom('issue.opened', 'issue.*', '*', '>', 'issue.>', '*.closed', 'push')),
  text: rarely(fc.constantFrom('a', 'ß', '💥', 'TODAY', '%', '1-0')),
  since: rarely(fc.integer({ min: 1_760_000_000_000, max: 1_760_000_100_000 })),
  until: rarely(fc.integer({ min: 1_760_000_000_000, max: 1_760_100_000_000 })),
})

function rarely<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined, freq: 2 })
}

const bounds = fc.record({
  limit: fc.integer({ min: 1, max: 7 }),
  windowRows: fc.integer({ min: 1, max: 9 }),
  windowsMax: fc.integer({ min: 1, max: 3 }),
})

describe('a list of dispatches', () => {
  test('is all that the filter says, newest first, each once, page by page', async () => {
    await fc.assert(
      fc.asyncProperty(acts, filters, bounds, async (script, wanted, { limit, ...window }) => {
        await using store = openSqliteStore({ file: ':memory:' })
        const { stage } = live(script)
        await fillStore({ log: await logOf(stage), stream: 'JOURNAL_g1' }, store)
        const rows = await store.db.selectFrom('dispatch').selectAll().execute()
        const expected = rows
          .toSorted((a, b) => b.started_at - a.started_at || b.number - a.number)
          .map(summaryOf)
          .filter((one) => fits(one, wanted))
        expect(await paged(store.db, { ...wanted, limit }, window)).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  test('says how far a search came that found little, and goes on from there', async () => {
    const stage = createStage()
    const player = createPlayer(stage, 'triage', 0, 4)
    player.deploy([binding()])
    player.epoch()
    player.send({ subject: 'needle' })
    for (let n = 0; n < 30; n++) player.send({ subject: 'hay' })
    player.commit()
    const { db } = await told(stage)
    const filter = { text: 'needle', limit: 10 }
    const window = { windowRows: 8, windowsMax: 3 }
    const first = await listDispatches(db, filter, window)
    expect(first.dispatches).toEqual([])
    const second = await listDispatches(db, { ...filter, cursor: first.next }, window)
    expect(second.dispatches.map(({ subject }) => subject)).toEqual(['needle'])
    expect(second.next).toBeUndefined()
  })

  test('of several states goes only as far as the state that was searched least far', async () => {
    const stage = createStage()
    const player = createPlayer(stage, 'triage', 0, 4)
    player.deploy([binding()])
    player.epoch()
    for (let n = 0; n < 3; n++)
      player.send({ depth: 17, root: `1-0-${'e'.repeat(32)}`, subject: 'x' })
    stage.now += 1
    for (let n = 0; n < 6; n++) player.send({ subject: 'y' })
    player.commit()
    const { db } = await told(stage)
    const filter = { state: ['dlq', 'attempting'], text: 'x', limit: 10 } as const
    const found = await paged(db, filter, { windowRows: 2, windowsMax: 2 })
    expect(found.map(({ state }) => state)).toEqual(['dlq', 'dlq', 'dlq'])
  })

  test('refuses a cursor that it did not give', async () => {
    const { db } = await told(createStage())
    await expect(listDispatches(db, { limit: 1, cursor: 'x' })).rejects.toMatchObject({
      name: 'BadCursor',
    })
  })
})

function fits(one: DispatchSummary, wanted: Wanted): boolean {
  const { since = 0, until = Infinity, state = [] } = wanted
  const words = [one.id, one.subject, one.key, JSON.stringify(one.error)].map((word) =>
    word?.toLowerCase(),
  )
  const asked: readonly [string | undefined, (value: string) => boolean | undefined][] = [
    [wanted.app, (value) => one.app === value],
    [wanted.binding, (value) => `${one.binding}@`.startsWith(`${value}@`)],
    [wanted.type, (value) => typeMatches(value, one.type)],
    [wanted.text, (value) => words.some((word) => word?.includes(value.toLowerCase()))],
  ]
  const inTime = one.startedAt >= since && one.startedAt < until
  const inState = state.length === 0 || state.includes(one.state)
  return inTime && inState && asked.every(([value, holds]) => value === undefined || holds(value))
}

async function paged(
  db: Parameters<typeof listDispatches>[0],
  filter: DispatchFilter,
  window: ScanBounds,
): Promise<DispatchSummary[]> {
  const found: DispatchSummary[] = []
  const seen = new Set<string | undefined>()
  let cursor: string | undefined
  do {
    expect(seen).not.toContain(cursor)
    seen.add(cursor)
    const page = await listDispatches(db, { ...filter, cursor }, window)
    expect(page.dispatches.length).toBeLessThanOrEqual(filter.limit)
    found.push(...page.dispatches)
    cursor = page.next
  } while (cursor !== undefined)
  return found
}

describe('an id', () => {
  async function three() {
    const stage = createStage()
    const player = createPlayer(stage, 'triage', 0, 4)
    player.deploy([binding()])
    player.epoch()
    for (const key of ['a', 'b', 'c']) player.send({ key })
    player.commit()
    const { db } = await told(stage)
    const rows = await db.selectFrom('dispatch').select('id').orderBy('id').execute()
    return { db, ids: rows.map(({ id }) => id) }
  }

  test('may be cut short, and may leave out generation and slot', async () => {
    const { db, ids } = await three()
    for (const id of ids) {
      expect((await findDispatch(db, id)).id).toBe(id)
      expect((await findDispatch(db, id.slice(0, 16))).id).toBe(id)
      expect((await findDispatch(db, id.slice(4, 16))).id).toBe(id)
    }
  })

  test('that several begin with is answered with them, one that none has with nothing', async () => {
    const { db, ids } = await three()
    await expect(findDispatch(db, '1-0')).rejects.toMatchObject({
      name: 'Ambiguous',
      candidates: ids,
    })
    await expect(findDispatch(db, '1-0-xyz')).rejects.toMatchObject({ name: 'NotFound' })
    await expect(findDispatch(db, '%')).rejects.toMatchObject({ name: 'NotFound' })
  })
})

describe('dead letters', () => {
  async function dead() {
    const stage = createStage()
    const player = createPlayer(stage, 'triage', 0, 4)
    player.deploy([binding({ retry: { kind: 'immediate', maxAttempts: 1, jitter: 'none' } })])
    player.epoch()
    const messages = ['order 17 refused', 'order 18 refused', 'connection reset']
    for (const message of messages) {
      stage.now += 1
      player.send()
      const [effect] = player.pending
      const error = {
        class: 'permanent',
        causeClass: 'upstream_5xx',
        name: 'Error',
        message,
      } as const
      if (effect) player.answer(effect, { status: 'failed', error, sent: [], ms: 1 })
    }
    player.send({ depth: 17, root: `1-0-${'e'.repeat(32)}` })
    player.commit()
    return told(stage)
  }

  test('are grouped by what they died of', async () => {
    const { db } = await dead()
    const { entries } = await listDeadLetters(db, { limit: 10 })
    expect(
      entries.map(({ reason, class: cause, attempts, status }) => [
        reason,
        cause,
        attempts,
        status,
      ]),
    ).toEqual([
      ['loop', 'loop', 0, 'pending'],
      ['permanent', 'upstream_5xx', 1, 'pending'],
      ['permanent', 'upstream_5xx', 1, 'pending'],
      ['permanent', 'upstream_5xx', 1, 'pending'],
    ])
    const [, reset, second, first] = entries
    expect(first?.fingerprint).toBe(second?.fingerprint)
    expect(first?.fingerprint).not.toBe(reset?.fingerprint)
    const group = await listDeadLetters(db, { limit: 10, fingerprint: first?.fingerprint })
    expect(group.entries).toEqual([second, first])
  })

  test('are filtered and paged', async () => {
    const { db } = await dead()
    const page = await listDeadLetters(db, { limit: 1, text: 'REFUSED', reason: ['permanent'] })
    expect(page.entries.map(({ error }) => error?.message)).toEqual(['order 18 refused'])
    const rest = await listDeadLetters(db, { limit: 1, text: 'refused', cursor: page.next })
    expect(rest.entries.map(({ error }) => error?.message)).toEqual(['order 17 refused'])
    expect((await listDeadLetters(db, { limit: 9, binding: 'other' })).entries).toEqual([])
  })

  test.each([
    ['order 17 of 2026-01-02 refused', 'order # of #-#-# refused'],
    ['no row "o-17" in \'orders\'', 'no row "…" in "…"'],
    ['job 3f2b8c1d-0000-4000-8000-00000000beef died\nat line 3', 'job # died'],
    ['commit deadbeef1 missing, feed is fine', 'commit # missing, feed is fine'],
    ['  many   spaces ', 'many spaces'],
  ])('the top of %j is %j', (message, top) => expect(topOf(message)).toBe(top))
})

test('bindings are active, draining while dispatches are open, then retired', async () => {
  const stage = createStage()
  const player = createPlayer(stage, 'triage', 0, 4)
  player.deploy([binding(), binding({ id: 'audit' })])
  player.epoch()
  player.send()
  player.deploy([binding({ version: 2 })])
  player.commit()
  const before = await listBindings((await told(stage)).db, {})
  expect(before.map(({ key, state, open }) => [key, state, open])).toEqual([
    ['audit@v1', 'draining', 1],
    ['label@v2', 'active', 0],
    ['label@v1', 'draining', 1],
  ])
  for (const effect of player.pending.slice()) {
    player.answer(effect, { status: 'succeeded', sent: [], ms: 1 })
  }
  player.commit()
  const { db } = await told(stage)
  const after = await listBindings(db, { app: 'triage', binding: 'label' })
  expect(after.map(({ key, state, open }) => [key, state, open])).toEqual([
    ['label@v2', 'active', 0],
    ['label@v1', 'retired', 0],
  ])
  expect(after[1]?.manifest).toEqual(binding())
  expect(await listBindings(db, { binding: 'label@v2' })).toHaveLength(1)
})

/** Slot 0's event has a number between those of two that slot 1 is owed. */
const inBetween: readonly Act[] = [
  { slot: 1, act: 'pause', binding: 'label' },
  { slot: 1, act: 'send', options: {} },
  { slot: 0, act: 'send', options: {} },
  { slot: 1, act: 'send', options: {} },
  { slot: 1, act: 'resume', binding: 'label' },
  { slot: 1, act: 'release' },
  { slot: 1, act: 'release' },
]

test('what watchers are told is what the rows say', async () => {
  await fc.assert(
    fc.asyncProperty(acts, async (script) => {
      const { journal } = live(script).stage
      await using store = openSqliteStore({ file: ':memory:' })
      const stream = { name: 'JOURNAL_g1', createdAt: '' }
      const folder = await openFolder({ store, hash: sha256, stream, truncated: false })
      const { bundles } = await folder.fold(journal)
      const states = new Map<string, DispatchState>()
      for (const told of bundles.map((bundle) => liveBundle.parse(liveOf(bundle)))) {
        for (const { dispatch, from, to } of told.transitions) {
          expect(from).toBe(states.get(dispatch) ?? null)
          states.set(dispatch, to)
        }
      }
      const rows = await store.db.selectFrom('dispatch').select(['id', 'state']).execute()
      expect(new Map(rows.map(({ id, state }) => [id, state]))).toEqual(states)
    }),
    { examples: [[inBetween]] },
  )
})
