import { openSqliteStore as open } from '@waybill/projections'
import { reach } from './reach.ts'

/** What the projector's `run.ts` takes from `@waybill/projections`, its store watched. */
export { openProjector } from '@waybill/projections'

export function openSqliteStore(options: Parameters<typeof open>[0]): ReturnType<typeof open> {
  const store = open(options)
  return {
    db: store.db,
    async write({ rows, partitions }) {
      reach('rows-unwritten')
      const last = rows.size - 1
      const watched = [...rows].map(
        ([table, all], at) => [table, watchRows(all, at === last)] as const,
      )
      await store.write({ rows: new Map(watched), partitions })
      reach('rows-committed')
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

/** They are taken within the transaction, and before the positions that they stand for. */
function* watchRows<Row>(rows: Iterable<Row>, isLast: boolean): Generator<Row> {
  for (const row of rows) {
    yield row
    reach('rows-half')
  }
  if (isLast) reach('rows-uncommitted')
}
