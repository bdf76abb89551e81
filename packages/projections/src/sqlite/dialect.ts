import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { type Dialect, type SqliteDatabase, SqliteDialect } from 'kysely'

/** Kysely speaks to better-sqlite3; node:sqlite only lacks `reader`. */
export function sqliteDialect(db: DatabaseSync): Dialect {
  const database: SqliteDatabase = {
    close: () => db.close(),
    prepare(sql) {
      const statement = db.prepare(sql)
      // Kysely hands over what queries were given; anything SQLite can't hold makes it throw.
      const bound = (values: readonly unknown[]) => values as SQLInputValue[]
      return {
        reader: statement.columns().length > 0,
        all: (values) => statement.all(...bound(values)),
        run: (values) => statement.run(...bound(values)),
        iterate: (values) => statement.iterate(...bound(values)) as IterableIterator<unknown>,
      }
    },
  }
  return new SqliteDialect({ database })
}
