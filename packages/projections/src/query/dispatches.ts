import type { DispatchState } from '@waybill/core'
import { type Kysely, type SqlBool, sql } from 'kysely'
import {
  type DispatchTable,
  dispatchNumber,
  type EventTable,
  type ReleaseTable,
  type Tables,
} from '../tables.ts'
import { contains, equal, ofBinding, ofType, within } from './conditions.ts'
import { resolveId } from './ids.ts'
import {
  type Conditions,
  decodeCursor,
  encodeCursor,
  type Mark,
  markOf,
  scan,
  type ScanBounds,
  type Scanned,
} from './scan.ts'
import { type DispatchSummary, summaryOf } from './summary.ts'

export interface DispatchFilter {
  readonly app?: string | undefined
  readonly state?: readonly DispatchState[] | undefined
  /** `<id>`, every version, or `<id>@v<n>`. */
  readonly binding?: string | undefined
  readonly type?: string | undefined
  /** An event's id or its beginning. */
  readonly event?: string | undefined
  readonly tenant?: string | undefined
  readonly text?: string | undefined
  /** Those that this limit or ledger of it holds now. */
  readonly held?: string | undefined
  /** Of the start: from, and before. */
  readonly since?: number | undefined
  readonly until?: number | undefined
  readonly cursor?: string | undefined
  readonly limit: number
}

/** Which ones a command would mean: the filter of a list, without its pages. */
export type DispatchesMeant = Omit<DispatchFilter, 'limit' | 'cursor'>

export interface DispatchPage {
  readonly dispatches: readonly DispatchSummary[]
  /** A page may be short, or empty, and still have a next one. */
  readonly next?: string
}

/** Newest first. @throws NotFound | Ambiguous (the event) | BadCursor */
export async function listDispatches(
  db: Kysely<Tables>,
  filter: DispatchFilter,
  bounds?: ScanBounds,
): Promise<DispatchPage> {
  const after = filter.cursor === undefined ? undefined : decodeCursor(filter.cursor)
  const ofEvent = filter.event === undefined ? undefined : await numbersOf(db, filter.event)
  const { asked, indexed } = conditionsOf(filter, ofEvent)
  const parts = await Promise.all(
    statesOf(filter.state).map((state) =>
      scan({
        db,
        table: 'dispatch',
        by: 'started_at',
        indexed: [...indexed, ...state],
        asked,
        after,
        limit: filter.limit,
        bounds,
      }),
    ),
  )
  const { rows, next } = merge(parts, filter.limit)
  return { dispatches: rows.map(summaryOf), ...(next && { next: encodeCursor(next) }) }
}

function conditionsOf(filter: DispatchesMeant, ofEvent: Conditions | undefined) {
  const asked = [
    ...equal('app', filter.app),
    ...equal('tenant', filter.tenant),
    ...ofType(filter.type),
    ...contains(['id', 'subject', 'key', 'error'], filter.text),
    ...heldBy(filter.held),
  ]
  const indexed = [
    ...ofBinding(filter.binding),
    ...within('started_at', filter),
    ...(ofEvent ?? []),
  ]
  return { asked, indexed }
}

/** A ledger's id is its limit's name, and a hash of the key behind it where it has one. */
function heldBy(limit: string | undefined): Conditions {
  if (limit === undefined) return []
  const [exact = sql`1 = 1`] = contains(['held'], `"gate":"${limit}"`)
  const [keyed = sql`1 = 1`] = contains(['held'], `"gate":"${limit}/`)
  return [sql<SqlBool>`(${exact} or ${keyed})`]
}

/** Counting goes on for no longer than this: more is "more". */
const countedMax = 100_000

/** How many a list has on all its pages, by state. @throws NotFound | Ambiguous (the event) */
export async function countDispatches(
  db: Kysely<Tables>,
  filter: DispatchesMeant,
): Promise<{ count: number; states: Record<string, number>; more: boolean }> {
  const ofEvent = filter.event === undefined ? undefined : await numbersOf(db, filter.event)
  const { asked, indexed } = conditionsOf(filter, ofEvent)
  const states =
    filter.state === undefined || filter.state.length === 0
      ? []
      : [sql<SqlBool>`"state" in (${sql.join(filter.state)})`]
  const where = sql.join([sql`1 = 1`, ...indexed, ...states, ...asked], sql` and `)
  const { rows } = await sql<{ state: DispatchState; many: number }>`
    select "state", count(*) as "many"
    from (select "state" from "dispatch" where ${where} limit ${countedMax + 1})
    group by "state"
  `.execute(db)
  const count = rows.reduce((sum, { many }) => sum + many, 0)
  return {
    count: Math.min(count, countedMax),
    states: Object.fromEntries(rows.map(({ state, many }) => [state, many])),
    more: count > countedMax,
  }
}

/**
 * One scan for each state but `succeeded`: its index has them by time. For `succeeded` there is
 * none, as most dispatches are: it looks through all.
 */
function statesOf(states: readonly DispatchState[] | undefined) {
  if (states === undefined || states.length === 0) return [[]]
  if (states.includes('succeeded')) return [[sql<SqlBool>`"state" in (${sql.join(states)})`]]
  return [...new Set(states)].map((state) => [
    sql<SqlBool>`"state" = ${state}`,
    // Said literally, or SQLite does not see that the partial index covers it.
    sql<SqlBool>`"state" <> 'succeeded'`,
  ])
}

/** Of several lists, as far as all of them were looked at. */
function merge(
  parts: readonly Scanned<'dispatch'>[],
  limit: number,
): { rows: readonly DispatchTable[]; next: Mark | undefined } {
  const frontier = parts
    .flatMap((part) => part.frontier ?? [])
    .reduce<Mark | undefined>(
      (newest, mark) => (newest && older(mark, newest) ? newest : mark),
      undefined,
    )
  const rows = parts
    .flatMap((part) => part.rows)
    .filter((row) => !frontier || !older(markOf(row, 'started_at'), frontier))
    .sort((a, b) => b.started_at - a.started_at || b.number - a.number)
  if (rows.length <= limit) return { rows, next: frontier }
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return { rows: page, next: last && markOf(last, 'started_at') }
}

const older = (a: Mark, b: Mark): boolean => a.at < b.at || (a.at === b.at && a.number < b.number)

/** Dispatches of an event by its beginning of an id. */
async function numbersOf(db: Kysely<Tables>, event: string) {
  const rows = await dispatchesOfEvent(db, await resolveId(db, 'event', event))
  const numbers = rows.map(({ number }) => number)
  return [
    numbers.length === 0 ? sql<SqlBool>`1 = 0` : sql<SqlBool>`"number" in (${sql.join(numbers)})`,
  ]
}

/** What an event started, in all apps, and every time it was new. */
export async function dispatchesOfEvent(
  db: Kysely<Tables>,
  event: string,
): Promise<readonly DispatchTable[]> {
  const sightings = await db.selectFrom('event').selectAll().where('id', '=', event).execute()
  const started = await Promise.all(sightings.map((one) => dispatchesOfSighting(db, one)))
  return withAgain(db, started.flat())
}

/** With those that run one of them again, and those that run these again. */
async function withAgain(
  db: Kysely<Tables>,
  rows: readonly DispatchTable[],
): Promise<readonly DispatchTable[]> {
  const all = new Map(rows.map((row) => [row.id, row]))
  let latest = rows.map(({ id }) => id)
  while (latest.length > 0 && all.size < chainRowsMax) {
    const again = await db
      .selectFrom('dispatch')
      .selectAll()
      .where('rerun_of', 'in', latest.slice(0, idsPerQuery))
      .orderBy('started_at')
      .orderBy('number')
      .limit(chainRowsMax)
      .execute()
    const found = again.filter(({ id }) => !all.has(id))
    for (const row of found) all.set(row.id, row)
    latest = [...latest.slice(idsPerQuery), ...found.map(({ id }) => id)]
  }
  return [...all.values()]
}

const chainRowsMax = 500
const idsPerQuery = 500

/** What one app started when it took an event for new, and when a pause of it was over. */
export async function dispatchesOfSighting(
  db: Kysely<Tables>,
  seen: EventTable,
): Promise<readonly DispatchTable[]> {
  const later = await releasesOf(db, seen)
  const started = await Promise.all([seen, ...later].map((one) => dispatchesOf(db, one)))
  return started.flat()
}

/** An event that was held back, each time that it was given to somebody; in that order. */
export function releasesOf(
  db: Kysely<Tables>,
  { id, app, seq, place }: EventTable,
): Promise<readonly ReleaseTable[]> {
  return db
    .selectFrom('event_release')
    .selectAll()
    .where('id', '=', id)
    .where('app', '=', app)
    .where('seq', '=', seq)
    .where('place', '=', place)
    .orderBy('journal_seq')
    .orderBy('journal_place')
    .execute()
}

/** They began one after the other. */
async function dispatchesOf(
  db: Kysely<Tables>,
  { partition, first_ordinal, dispatches }: EventTable | ReleaseTable,
): Promise<readonly DispatchTable[]> {
  if (first_ordinal === null) return []
  const first = dispatchNumber(partition, first_ordinal)
  return db
    .selectFrom('dispatch')
    .selectAll()
    .where('number', '>=', first)
    .where('number', '<', first + dispatches)
    .orderBy('number')
    .execute()
}

/** All that an event from outside led to, oldest first; the first 500. */
export async function dispatchesOfChain(
  db: Kysely<Tables>,
  root: string,
): Promise<readonly DispatchTable[]> {
  const caused = await db
    .selectFrom('dispatch')
    .selectAll()
    .where('root', '=', root)
    .where('depth', '>', 0)
    .orderBy('started_at')
    .orderBy('number')
    .limit(chainRowsMax)
    .execute()
  const all = [...(await dispatchesOfEvent(db, root)), ...(await withAgain(db, caused))]
  // Of an event that came from outside, what runs again has depth 0 like the first.
  return [...new Map(all.map((row) => [row.id, row])).values()].slice(0, chainRowsMax)
}

/** By an id or its beginning. @throws NotFound | Ambiguous */
export async function findDispatch(db: Kysely<Tables>, prefix: string): Promise<DispatchTable> {
  const id = await resolveId(db, 'dispatch', prefix)
  return db.selectFrom('dispatch').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}
