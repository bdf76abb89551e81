import { mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { EventLog, Stored } from '@waybill/log'
import { partitionKey, partitionOfSubject } from './accept.ts'
import { compareKeys, digest, dump, type DumpedRow, tableOrder } from './dump.ts'
import { type Halted, openFolder } from './fold.ts'
import { lockStore } from './sqlite/lock.ts'
import { openSqliteStore } from './sqlite/store.ts'
import type { RowStore } from './store.ts'
import type { PartitionTable } from './tables.ts'

export interface Journal {
  readonly log: Pick<EventLog, 'hash' | 'info' | 'read'>
  /** The journal's stream. */
  readonly stream: string
  readonly signal?: AbortSignal
}

export interface Rebuilt {
  readonly bundles: number
  /** The leader's last sequence when it began: how far the store goes. */
  readonly lastSeq: number
  /** The beginning is no longer kept, so older rows cannot be made again. */
  readonly truncated: boolean
  readonly halted: readonly Halted[]
}

const batchMessagesMax = 64

/**
 * Folds the whole journal into an empty store. The end is the leader's last sequence, never
 * "nothing pending": a consumer that lags would say that too.
 *
 * @param until fold each partition to where another store has it, and no others
 */
export async function fillStore(
  { log, stream, signal }: Journal,
  store: RowStore,
  until?: readonly PartitionTable[],
): Promise<Rebuilt> {
  const info = await log.info(stream)
  const truncated = info.firstSeq > 1
  const folder = await openFolder({ store, hash: log.hash, stream: info, truncated })
  const wanted = wantedUntil(until)
  let bundles = 0
  let batch: Stored[] = []
  const flush = async () => {
    bundles += (await folder.fold(batch)).bundles.length
    batch = []
  }
  const range = { stream, subjects: [], fromSeq: Math.max(1, info.firstSeq), toSeq: info.lastSeq }
  for await (const message of log.read(range, signal)) {
    if (wanted(message)) batch.push(message)
    if (batch.length === batchMessagesMax) await flush()
  }
  await flush()
  return { bundles, lastSeq: info.lastSeq, truncated, halted: folder.halted() }
}

function wantedUntil(until: readonly PartitionTable[] | undefined): (message: Stored) => boolean {
  if (until === undefined) return () => true
  const ends = new Map(until.map((one) => [partitionKey(one), one.seq]))
  return ({ subject, seq }) => seq <= (ends.get(partitionKey(partitionOfSubject(subject))) ?? 0)
}

/**
 * Builds a store anew and puts it in the place of the one that is there, which is not touched
 * before that. No projector may be writing it.
 *
 * @throws StoreLocked
 */
export async function rebuildStore(journal: Journal, file: string): Promise<Rebuilt> {
  using _lock = lockStore(file)
  const aside = `${file}.rebuild`
  await removeStore(aside)
  const rebuilt = await fillFile(journal, aside)
  await removeStore(file)
  await rename(aside, file)
  await rm(`${aside}.lock`, { force: true })
  return rebuilt
}

async function fillFile(journal: Journal, file: string): Promise<Rebuilt> {
  await using store = openSqliteStore({ file })
  return await fillStore(journal, store)
}

export type Verified =
  | { readonly result: 'equal'; readonly rows: number; readonly hash: string }
  | { readonly result: 'different'; readonly difference: Difference }
export interface Difference {
  readonly table: string
  readonly key: readonly (string | number)[]
  /** Undefined: the whole row is missing on one side. */
  readonly column?: string
  readonly stored: unknown
  readonly rebuilt: unknown
}

/**
 * Folds the journal again, as far as this store has it, and compares every row. The projector may
 * go on meanwhile: the store is looked at as it was at one moment. What is folded again lies beside
 * the file until it is compared.
 */
export async function verifyStore(
  journal: Journal,
  file: string,
): Promise<Verified & { readonly truncated: boolean }> {
  await using live = openSqliteStore({ file, readOnly: true })
  const aside = await mkdtemp(`${file}.verify-`)
  try {
    await using again = openSqliteStore({ file: join(aside, 'rows.db') })
    return await live.db.transaction().execute(async (snapshot) => {
      const until = await snapshot.selectFrom('partition').selectAll().execute()
      const { truncated } = await fillStore(journal, again, until)
      const difference = await firstDifference(dump(snapshot), dump(again.db))
      if (difference) return { result: 'different', difference, truncated }
      return { result: 'equal', ...(await digest(again.db, journal.log.hash)), truncated }
    })
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

/** Both come in one order, so one walk finds the first place where they part. */
async function firstDifference(
  stored: AsyncGenerator<DumpedRow, void>,
  rebuilt: AsyncGenerator<DumpedRow, void>,
): Promise<Difference | undefined> {
  for (;;) {
    const [left, right] = await Promise.all([stored.next(), rebuilt.next()])
    if (left.done && right.done) return undefined
    const found = differ(left.value ?? undefined, right.value ?? undefined)
    if (found) return found
  }
}

function differ(left: DumpedRow | undefined, right: DumpedRow | undefined): Difference | undefined {
  const order = left && right ? compareRows(left, right) : left ? -1 : 1
  const first = order <= 0 ? left : right
  if (!first) return undefined
  const { table, key } = first
  if (order < 0) return { table, key, stored: first.columns, rebuilt: undefined }
  if (order > 0) return { table, key, stored: undefined, rebuilt: first.columns }
  const column = Object.keys(first.columns).find(
    (name) => first.columns[name] !== right?.columns[name],
  )
  if (column === undefined) return undefined
  return { table, key, column, stored: first.columns[column], rebuilt: right?.columns[column] }
}

/** Tables come in the order of the registry: another table means that one side has ended. */
const compareRows = (a: DumpedRow, b: DumpedRow): number =>
  a.table === b.table ? compareKeys(a.key, b.key) : tableOrder(a) - tableOrder(b)

async function removeStore(file: string): Promise<void> {
  for (const end of ['', '-wal', '-shm']) await rm(file + end, { force: true })
}
