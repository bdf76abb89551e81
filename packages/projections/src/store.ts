import type { Kysely } from 'kysely'
import type { Batch } from './batch.ts'
import type { Tables } from './tables.ts'

/**
 * Where rows are kept. SQL is the port: queries are written once, in Kysely, for every adapter;
 * what differs is how a batch is written fast. `openSqliteStore` is the one there is; PostgreSQL
 * will be the second.
 */
export interface RowStore extends AsyncDisposable {
  readonly db: Kysely<Tables>
  /** All or nothing: rows, and the positions they stand for. */
  write(batch: Batch): Promise<void>
}
