import { openState } from '@waybill/core'
import type { RowStore } from './store.ts'
import type { DispatchTable } from './tables.ts'

/** Rows of dispatches that may still move, so that folding need not read what it just wrote. */
export interface OpenRows {
  get(dispatch: string): DispatchTable | undefined
  put(row: DispatchTable): void
  /** Reads those that are not at hand. */
  recall(dispatches: Iterable<string>): Promise<void>
  /** Between batches: what is beyond the bound is in the store. */
  trim(): void
  clear(): void
}

const openRowsMax = 100_000
const idsPerQuery = 500
const openStates: ReadonlySet<string> = new Set(openState.options)

export function createOpenRows(store: RowStore): OpenRows {
  const rows = new Map<string, DispatchTable>()
  // Ended in this batch, so not in the store yet: one that died may run again a moment later.
  const ended = new Map<string, DispatchTable>()
  return {
    get: (dispatch) => rows.get(dispatch) ?? ended.get(dispatch),
    put(row) {
      // Deleted first, so that the oldest are those that have not moved for longest.
      rows.delete(row.id)
      if (openStates.has(row.state)) rows.set(row.id, row)
      else ended.set(row.id, row)
    },
    async recall(dispatches) {
      const missing = [...new Set(dispatches)].filter((id) => !rows.has(id))
      for (let at = 0; at < missing.length; at += idsPerQuery) {
        const ids = missing.slice(at, at + idsPerQuery)
        const found = await store.db
          .selectFrom('dispatch')
          .selectAll()
          .where('id', 'in', ids)
          .execute()
        for (const row of found) rows.set(row.id, row)
      }
    },
    trim() {
      ended.clear()
      const excess = rows.size - openRowsMax
      if (excess <= 0) return
      for (const id of rows.keys().take(excess)) rows.delete(id)
    },
    clear() {
      rows.clear()
      ended.clear()
    },
  }
}
