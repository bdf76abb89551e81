import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode } from '@waybill/core'
import { decodeBundle, decodeEntry, sha256, type Stored } from '@waybill/log'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { digest } from '../src/dump.ts'
import { openFolder } from '../src/fold.ts'
import { openSqliteStore } from '../src/sqlite/store.ts'
import type { RowStore } from '../src/store.ts'
import { acts, type Life, live } from './acts.ts'
import { journalStream } from './player.ts'

const stream = { name: journalStream, createdAt: '2026-01-01T00:00:00Z' }
const folder = mkdtempSync(join(tmpdir(), 'waybill-projections-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('rows', () => {
  test('are the same however the journal was cut into batches', async () => {
    await fc.assert(
      fc.asyncProperty(acts, cuts, async (script, sizes) => {
        const { journal } = live(script).stage
        expect(await folded(cut(journal, sizes))).toEqual(await folded([journal]))
      }),
    )
  })

  test('are the same in whatever order partitions come in', async () => {
    await fc.assert(
      fc.asyncProperty(acts, fc.array(fc.nat(2), { maxLength: 200 }), async (script, order) => {
        const { journal } = live(script).stage
        expect(await folded([interleave(journal, order)])).toEqual(await folded([journal]))
      }),
    )
  })

  test('do not change when bundles come a second time', async () => {
    await fc.assert(
      fc.asyncProperty(acts, cuts, async (script, sizes) => {
        const { journal } = live(script).stage
        const twice = cut(journal, sizes).flatMap((batch) => [batch, batch])
        expect(await folded([...twice, journal])).toEqual(await folded([journal]))
      }),
    )
  })

  test('lose nothing when a transaction is never committed', async () => {
    let file = 0
    await fc.assert(
      fc.asyncProperty(acts, cuts, fc.nat(10), async (script, sizes, crashAt) => {
        const { journal } = live(script).stage
        const path = join(folder, `crash-${file++}.db`)
        const batches = cut(journal, sizes)
        await foldUntilCrash(path, batches, crashAt)
        // What comes next reads on from its own positions, and may begin too early.
        await using store = openSqliteStore({ file: path })
        await foldInto(store, batches)
        expect(await digest(store.db, sha256)).toEqual(await folded([journal]))
      }),
      { numRuns: 30 },
    )
  })

  test('are the same when entries are read on trust and when they are read by their schema', async () => {
    await fc.assert(
      fc.asyncProperty(acts, async (script) => {
        const { journal } = live(script).stage
        for (const { bytes } of journal) {
          for (const one of decodeBundle(sha256, bytes).entries) {
            expect(decode(one)).toEqual(decodeEntry(one))
          }
        }
        await using store = openSqliteStore({ file: ':memory:' })
        await foldInto({ ...store, write: failOnce(store) }, [journal])
        expect(await digest(store.db, sha256)).toEqual(await folded([journal]))
      }),
      { numRuns: 30 },
    )
  })

  test('say of every dispatch what its partition says', async () => {
    await fc.assert(
      fc.asyncProperty(acts, async (script) => {
        const life = live(script)
        await using store = openSqliteStore({ file: ':memory:' })
        await foldInto(store, [life.stage.journal])
        await expectSame(store, life)
      }),
    )
  })
})

async function expectSame(store: RowStore, { players }: Life): Promise<void> {
  const rows = await store.db.selectFrom('dispatch').selectAll().execute()
  const open = players.flatMap(({ partition }) => [...partition.dispatches.values()])
  const dead = players.flatMap(({ partition }) => [...partition.dead.keys()])
  const started = players.reduce((sum, { partition }) => sum + partition.started, 0)
  expect(rows).toHaveLength(started)
  const byId = new Map(rows.map((row) => [row.id, row]))
  for (const { id, origin, record } of open) {
    expect(byId.get(id)).toMatchObject({
      binding: origin.binding.split('@v')[0],
      event: origin.event,
      state: record.state,
      attempt: record.attempt,
      spent: record.spent,
      transitions: record.index,
      at: record.at,
    })
  }
  const final = rows.filter(({ id }) => !open.some((one) => one.id === id))
  for (const row of final) expect(row).toMatchObject({ due_at: null, wait_for: null })
  // The partition forgets its dead after 30 days, the rows say when that is.
  const now = Math.max(...players.map(({ partition }) => partition.at))
  const letters = await store.db.selectFrom('dead_letter').selectAll().execute()
  const kept = letters.filter(({ id, expires_at }) => dead.includes(id) || expires_at > now)
  expect(kept.map(({ id }) => id).sort()).toEqual(dead.sort())
  const counts = await store.db
    .selectFrom('state_count')
    .selectAll()
    .where('count', '<>', 0)
    .execute()
  const counted = Map.groupBy(
    rows,
    ({ binding, version, state }) => `${binding}@v${version} ${state}`,
  )
  expect(
    counts
      .map(({ binding, version, state, count }) => [`${binding}@v${version} ${state}`, count])
      .toSorted(byText),
  ).toEqual([...counted].map(([key, { length }]) => [key, length]).toSorted(byText))
}

/** What makes a folder look twice. */
function failOnce(store: RowStore): RowStore['write'] {
  let failed = false
  return async (batch) => {
    if (failed) return store.write(batch)
    failed = true
    throw new Error('something in it could not be written')
  }
}

const cuts = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 30 })

function cut(journal: readonly Stored[], sizes: readonly number[]): Stored[][] {
  const batches: Stored[][] = []
  let at = 0
  for (const size of [...sizes, journal.length]) {
    if (at < journal.length) batches.push(journal.slice(at, at + size))
    at += size
  }
  return batches
}

/** Each partition keeps its own order, nothing else is kept. */
function interleave(journal: readonly Stored[], order: readonly number[]): Stored[] {
  const queues = [...Map.groupBy(journal, ({ subject }) => subject).values()]
  const mixed = order.flatMap((pick) => queues[pick % Math.max(1, queues.length)]?.shift() ?? [])
  return [...mixed, ...queues.reverse().flat()]
}

async function folded(batches: readonly (readonly Stored[])[]) {
  await using store = openSqliteStore({ file: ':memory:' })
  await foldInto(store, batches)
  return await digest(store.db, sha256)
}

async function foldInto(store: RowStore, batches: readonly (readonly Stored[])[]): Promise<void> {
  const folding = await openFolder({ store, hash: sha256, stream, truncated: false })
  for (const batch of batches) {
    const { halted } = await folding.fold(batch)
    if (halted[0]) throw halted[0].cause
  }
}

async function foldUntilCrash(
  file: string,
  batches: readonly Stored[][],
  crashAt: number,
): Promise<void> {
  await using store = openSqliteStore({ file })
  let written = 0
  const crashing: RowStore = {
    ...store,
    write: (batch) => {
      if (written++ < crashAt) return store.write(batch)
      // All rows are there and the commit is not: a row that cannot be written comes last.
      const broken = { ...batch.partitions[0], seq: 'x' as never } as (typeof batch.partitions)[0]
      return store.write({ ...batch, partitions: [...batch.partitions, broken] })
    },
  }
  await foldInto(crashing, batches).catch((cause: unknown) => {
    if (!(cause instanceof Error && 'errcode' in cause)) throw cause
  })
}

const byText = (a: readonly unknown[], b: readonly unknown[]): number =>
  String(a) < String(b) ? -1 : 1
