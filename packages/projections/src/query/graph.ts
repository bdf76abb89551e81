import type { Manifest } from '@waybill/core'
import type { Kysely } from 'kysely'
import { actionGraph } from '../graph/action-graph.ts'
import type { ActionGraph } from '../graph/canvas.ts'
import { type HistorySource, readHistory } from '../history.ts'
import type { DispatchTable, Tables } from '../tables.ts'
import { manifestOf } from './bindings.ts'
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
  return actionGraph(histories, (binding) => manifests.get(binding))
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
