import type { Kysely } from 'kysely'
import type { EventTable, Tables } from '../tables.ts'
import { contains, equal, ofType, within } from './conditions.ts'
import { dispatchesOfSighting } from './dispatches.ts'
import { decodeCursor, encodeCursor, scan, type ScanBounds } from './scan.ts'

export interface EventFilter {
  readonly app?: string | undefined
  readonly type?: string | undefined
  readonly source?: string | undefined
  readonly tenant?: string | undefined
  /** Somewhere in id, type, source or subject. */
  readonly text?: string | undefined
  /** Of when an app took it in: from, and before. */
  readonly since?: number | undefined
  readonly until?: number | undefined
  readonly cursor?: string | undefined
  readonly limit: number
}

/** An event as one app met it. */
export interface EventSummary {
  readonly id: string
  readonly app: string
  readonly type: string
  readonly source: string
  readonly subject?: string
  readonly tenant: string
  readonly time: number
  readonly receivedAt: number
  /** Where it lies in the events' stream. */
  readonly stream: string
  readonly seq: number
  /** How many of the bindings whose types it matched said what when it came. */
  readonly verdicts: Readonly<Record<string, number>>
  /** What became of the dispatches that it started. */
  readonly states: Readonly<Record<string, number>>
  /** How often it came again. */
  readonly duplicates: number
}

/** Newest first. @throws BadCursor */
export async function listEvents(
  db: Kysely<Tables>,
  filter: EventFilter,
  bounds?: ScanBounds,
): Promise<{ readonly events: readonly EventSummary[]; readonly next?: string }> {
  const { rows, frontier } = await scan({
    db,
    table: 'event',
    by: 'at',
    indexed: within('at', filter),
    asked: [
      ...equal('app', filter.app),
      ...ofType(filter.type),
      ...equal('source', filter.source),
      ...equal('tenant', filter.tenant),
      ...contains(['id', 'type', 'source', 'subject'], filter.text),
    ],
    after: filter.cursor === undefined ? undefined : decodeCursor(filter.cursor),
    limit: filter.limit,
    bounds,
  })
  const duplicates = await duplicatesOf(db, rows)
  const events = await Promise.all(
    rows.map(async (row) => {
      const started = await dispatchesOfSighting(db, row)
      const states = counted(started.map(({ state }) => state))
      return { ...eventOf(row), states, duplicates: duplicates.get(`${row.app}/${row.id}`) ?? 0 }
    }),
  )
  return { events, ...(frontier && { next: encodeCursor(frontier) }) }
}

async function duplicatesOf(
  db: Kysely<Tables>,
  rows: readonly EventTable[],
): Promise<ReadonlyMap<string, number>> {
  if (rows.length === 0) return new Map()
  const ids = rows.map(({ id }) => id)
  const found = await db
    .selectFrom('event_duplicate')
    .select(['app', 'id', 'duplicates'])
    .where('id', 'in', ids)
    .execute()
  return new Map(found.map(({ app, id, duplicates }) => [`${app}/${id}`, duplicates]))
}

/** The words of `explain` for what stands in the row. */
const words: Readonly<Record<string, string>> = {
  error: 'predicate_error',
  ask: 'asked',
  unjudged: 'refused',
}

function eventOf(row: EventTable): Omit<EventSummary, 'states' | 'duplicates'> {
  const { id, app, type, source, subject, tenant, time, at, stream, seq } = row
  const judged = JSON.parse(row.verdicts) as (readonly [binding: string, result: string])[]
  const verdicts = counted(judged.map(([, result]) => words[result] ?? result))
  const about = subject === null ? {} : { subject }
  return { id, app, type, source, ...about, tenant, time, receivedAt: at, stream, seq, verdicts }
}

function counted(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}
