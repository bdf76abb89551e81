import type { Manifest } from '@waybill/core'
import type { Kysely } from 'kysely'
import { actionGraph } from '../graph/action-graph.ts'
import type { ActionGraph } from '../graph/canvas.ts'
import { type History, type HistoryEntry, type HistorySource, readHistory } from '../history.ts'
import type { DispatchTable, Tables } from '../tables.ts'
import { manifestOf } from './bindings.ts'
import { resolvedAmong } from './dead-letters.ts'
import { dispatchesOfChain } from './dispatches.ts'

/**
 * The action graph of a dispatch, or of all that its root event led to.
 *
 * @param upTo transition of the dispatch up to which things had come
 */
export async function graphOf(
  source: HistorySource,
  row: DispatchTable,
  scope: 'dispatch' | 'chain',
  upTo?: number,
): Promise<ActionGraph> {
  const own = await readHistory(source, row)
  const until = upTo === undefined ? undefined : cutAt(own, upTo)
  const rows = scope === 'chain' ? await dispatchesOfChain(source.db, row.root) : [row]
  const histories: History[] = []
  for (const one of rows) {
    const history = one.id === row.id ? own : await readHistory(source, one)
    if (until === undefined) histories.push(history)
    else histories.push(...asOf(history, until, one.id === row.id))
  }
  const manifests = await manifestsOf(source.db, rows)
  const deaths = await deathsOf(source.db, rows)
  return actionGraph(
    histories,
    (binding) => manifests.get(binding),
    (dispatch) => deaths.get(dispatch),
  )
}

interface Cut {
  /** Entries of the dispatch itself, and the time of the last of them for all others. */
  readonly entries: number
  readonly at: number
}

function cutAt({ entries }: History, upTo: number): Cut {
  const isLater = ({ fact }: HistoryEntry) => fact.kind === 'transition' && fact.index > upTo
  const later = entries.findIndex(isLater)
  const kept = later < 0 ? entries : entries.slice(0, later)
  return { entries: kept.length, at: kept.at(-1)?.entry.at ?? 0 }
}

/** What had not begun by then is not there. */
function asOf(history: History, { entries, at }: Cut, isOwn: boolean): History[] {
  const kept = isOwn
    ? history.entries.slice(0, entries)
    : history.entries.filter(({ entry }) => entry.at <= at)
  return kept.length === 0 ? [] : [{ ...history, entries: kept }]
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
