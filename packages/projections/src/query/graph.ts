import type { Manifest } from '@waybill/core'
import type { Kysely } from 'kysely'
import { actionGraph } from '../graph/action-graph.ts'
import type { ActionGraph } from '../graph/canvas.ts'
import { type HistorySource, readHistory } from '../history.ts'
import type { DispatchTable, Tables } from '../tables.ts'
import { manifestOf } from './bindings.ts'
import { resolvedAmong } from './dead-letters.ts'
import { dispatchesOfChain } from './dispatches.ts'

/** The action graph of a dispatch, or of all that its root event led to. */
export async function graphOf(
  source: HistorySource,
  row: DispatchTable,
  scope: 'dispatch' | 'chain',
): Promise<ActionGraph> {
  const rows = scope === 'chain' ? await dispatchesOfChain(source.db, row.root) : [row]
  const histories = []
  for (const one of rows) histories.push(await readHistory(source, one))
  const manifests = await manifestsOf(source.db, rows)
  const deaths = await deathsOf(source.db, rows)
  return actionGraph(
    histories,
    (binding) => manifests.get(binding),
    (dispatch) => deaths.get(dispatch),
  )
}

async function deathsOf(
  db: Kysely<Tables>,
  rows: readonly DispatchTable[],
): Promise<ReadonlyMap<string, string>> {
  const ids = rows.filter(({ state }) => state === 'dlq').map(({ id }) => id)
  if (ids.length === 0) return new Map()
  const found = await db.selectFrom('dead_letter').selectAll().where('id', 'in', ids).execute()
  const resolved = await resolvedAmong(db, found)
  return new Map(found.map(({ id, status }) => [id, resolved.has(id) ? 'resolved' : status]))
}

/** Apps may use one binding id for different things, but hardly in one chain: the first one wins. */
async function manifestsOf(
  db: Kysely<Tables>,
  rows: readonly DispatchTable[],
): Promise<ReadonlyMap<string, Manifest>> {
  const ids = [...new Set(rows.map(({ binding }) => binding))]
  const found = await db.selectFrom('binding').selectAll().where('binding', 'in', ids).execute()
  return new Map(found.reverse().map((one) => [`${one.binding}@v${one.version}`, manifestOf(one)]))
}
