import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sha256 } from '@waybill/log'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { digest } from '../src/dump.ts'
import { fillStore, rebuildStore, verifyStore } from '../src/rebuild.ts'
import { openSqliteStore } from '../src/sqlite/store.ts'
import { acts, live } from './acts.ts'
import { logOf } from './stored.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waybill-rebuild-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const stream = 'JOURNAL_g1'

async function filled(file: string, seed: number) {
  const [script = []] = fc.sample(acts, { numRuns: 1, seed })
  const { stage } = live(script)
  const log = await logOf(stage)
  await using store = openSqliteStore({ file })
  await fillStore({ log, stream }, store)
  return { log, stage, digest: await digest(store.db, sha256) }
}

test('a store that was folded again is the same, byte for byte', async () => {
  const file = join(folder, 'rows.db')
  const { log, digest: before } = await filled(file, 1)
  const rebuilt = await rebuildStore({ log, stream }, file)
  expect(rebuilt).toMatchObject({ halted: [], truncated: false })
  await using store = openSqliteStore({ file })
  expect(await digest(store.db, sha256)).toEqual(before)
  expect(await readdir(folder)).not.toContain('rows.db.rebuild')
})

test('verify finds a store right, while its projector goes on', async () => {
  const file = join(folder, 'rows.db')
  const { log, digest: before } = await filled(file, 2)
  await using _writer = openSqliteStore({ file })
  expect(await verifyStore({ log, stream }, file)).toEqual({
    result: 'equal',
    truncated: false,
    ...before,
  })
})

const tampering: readonly [what: string, sql: string, found: object][] = [
  [
    'a value',
    `update dispatch set attempt = attempt + 1 where number = (select min(number) from dispatch)`,
    { table: 'dispatch', column: 'attempt' },
  ],
  [
    'a row too few',
    `delete from dispatch_sequence where number = (select min(number) from dispatch)`,
    { table: 'dispatch_sequence', stored: undefined },
  ],
  [
    'a row too many',
    `insert into event_duplicate values ('1-0-${'f'.repeat(32)}', 'triage', 1, 0)`,
    { table: 'event_duplicate', rebuilt: undefined },
  ],
  [
    'a count',
    `update state_count set count = count + 1 where rowid = 1 or count > 0`,
    { table: 'state_count', column: 'count' },
  ],
]

test.each(tampering)('verify says where a store is wrong: %s', async (_what, sql, found) => {
  const file = join(folder, 'rows.db')
  const { log } = await filled(file, 3)
  const db = new DatabaseSync(file)
  db.exec(sql.replace('rowid = 1 or ', ''))
  db.close()
  const verified = await verifyStore({ log, stream }, file)
  expect(verified).toMatchObject({ result: 'different', difference: found })
  expect((await readdir(folder)).filter((name) => name.includes('verify'))).toEqual([])
})

test('one writer a file: a second one is told so, also when it wants to rebuild', async () => {
  const file = join(folder, 'rows.db')
  const { log } = await filled(file, 4)
  const first = openSqliteStore({ file })
  expect(() => openSqliteStore({ file })).toThrow(
    expect.objectContaining({ name: 'StoreLocked', code: 'WB5002' }),
  )
  await expect(rebuildStore({ log, stream }, file)).rejects.toMatchObject({ name: 'StoreLocked' })
  await first[Symbol.asyncDispose]()
  await openSqliteStore({ file })[Symbol.asyncDispose]()
})

test('a file that is no read store, or a newer one, is not touched', async () => {
  const other = join(folder, 'other.db')
  const db = new DatabaseSync(other)
  db.exec('create table mine (x); pragma user_version = 7')
  db.close()
  expect(() => openSqliteStore({ file: other })).toThrow(
    expect.objectContaining({ name: 'StoreUnknown' }),
  )
  const file = join(folder, 'rows.db')
  await openSqliteStore({ file })[Symbol.asyncDispose]()
  const newer = new DatabaseSync(file)
  newer.exec('pragma user_version = 999')
  newer.close()
  expect(() => openSqliteStore({ file })).toThrow(expect.objectContaining({ code: 'WB5003' }))
})
