import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { StoreUnknown } from '../fault.ts'
import type { RowStore } from '../store.ts'
import type { Tables } from '../tables.ts'
import { sqliteDialect } from './dialect.ts'
import { lockStore } from './lock.ts'
import { migrate } from './migrations.ts'
import { createWriter } from './writer.ts'

export interface SqliteStoreOptions {
  /** Made when it is not there, with its folder. `:memory:` is one that nobody else sees. */
  readonly file: string
  /** Reads only: needs no lock, and may look while a projector writes. */
  readonly readOnly?: boolean
}

/**
 * Read store in one file. WAL: readers never wait for the writer. `synchronous = normal`: a power
 * cut may take the last transactions, whole ones only, and they are folded again.
 *
 * @throws StoreLocked | StoreUnknown
 */
export function openSqliteStore({ file, readOnly = false }: SqliteStoreOptions): RowStore {
  const inMemory = file === ':memory:'
  if (!inMemory && !readOnly) mkdirSync(dirname(file), { recursive: true })
  const lock = inMemory || readOnly ? undefined : lockStore(file)
  try {
    const db = open(file, readOnly)
    const write = readOnly ? undefined : createWriter(db)
    const queries = new Kysely<Tables>({ dialect: sqliteDialect(db) })
    return {
      db: queries,
      async write(batch) {
        if (write === undefined) throw new Error('this store was opened to be read only')
        write(batch)
      },
      async [Symbol.asyncDispose]() {
        // The dialect opens nothing before the first query, and then closes nothing either.
        await queries.destroy()
        if (db.isOpen) db.close()
        lock?.[Symbol.dispose]()
      },
    }
  } catch (cause) {
    lock?.[Symbol.dispose]()
    throw cause
  }
}

function open(file: string, readOnly: boolean): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly, timeout: 5000 })
  try {
    db.exec(readOnly ? readerPragmas : writerPragmas)
    if (!readOnly) migrate(db, file)
    return db
  } catch (cause) {
    db.close()
    if (cause instanceof Error && 'errcode' in cause && cause.errcode === notADatabase) {
      throw new StoreUnknown(file, 'it is no SQLite database', { cause })
    }
    throw cause
  }
}

const notADatabase = 26

/**
 * Ids are hashes, so their indexes are written all over and a checkpoint finds few pages twice.
 * Every 8,000 pages: at 4,000 a dispatch cost 63 us instead of 59 (bench/projector, 300 k), at
 * 16,000 a checkpoint would hold up queries for more than 100 ms.
 */
const readerPragmas = 'pragma cache_size = -65536; pragma query_only = on;'
const writerPragmas = `
  pragma journal_mode = wal;
  pragma synchronous = normal;
  pragma cache_size = -65536;
  pragma wal_autocheckpoint = 8000;
  pragma journal_size_limit = 67108864;
  pragma temp_store = memory;
`
