import type { AttemptError, CauseClass, DeadReason } from '@waybill/core'
import { type Kysely, type SqlBool, sql } from 'kysely'
import type { DeadLetterTable, Tables } from '../tables.ts'
import { contains, equal, ofBinding, within } from './conditions.ts'
import { resolveId } from './ids.ts'
import { type Conditions, decodeCursor, encodeCursor, scan } from './scan.ts'

/** A dead letter (rule 11). */
export interface DeadLetterSummary {
  readonly id: string
  readonly app: string
  readonly binding: string
  readonly event: string
  readonly type: string
  readonly tenant: string
  readonly reason: DeadReason
  readonly class: CauseClass
  readonly error?: AttemptError
  /** Equal for what died of the same thing under the same version. */
  readonly fingerprint: string
  readonly attempts: number
  readonly deadAt: number
  readonly expiresAt: number
  readonly status: DeadLetterTable['status']
  readonly redrives: number
}

export interface DeadLetterFilter {
  readonly app?: string | undefined
  readonly binding?: string | undefined
  readonly reason?: readonly DeadReason[] | undefined
  readonly status?: DeadLetterTable['status'] | undefined
  readonly fingerprint?: string | undefined
  readonly text?: string | undefined
  readonly since?: number | undefined
  readonly until?: number | undefined
  readonly cursor?: string | undefined
  readonly limit: number
}

export interface DeadLetterPage {
  readonly entries: readonly DeadLetterSummary[]
  readonly next?: string
}

/** Newest first. @throws BadCursor */
export async function listDeadLetters(
  db: Kysely<Tables>,
  filter: DeadLetterFilter,
): Promise<DeadLetterPage> {
  const { rows, frontier } = await scan({
    db,
    table: 'dead_letter',
    by: 'at',
    indexed: [...within('at', filter), ...equal('fingerprint', filter.fingerprint)],
    asked: [
      ...equal('app', filter.app),
      ...ofBinding(filter.binding),
      ...ofStatus(filter.status),
      ...oneOf('reason', filter.reason),
      ...contains(['id', 'type', 'error'], filter.text),
    ],
    after: filter.cursor === undefined ? undefined : decodeCursor(filter.cursor),
    limit: filter.limit,
  })
  const resolved = await resolvedAmong(db, rows)
  const entries = rows.map((row) => deadLetterOf(row, resolved))
  return { entries, ...(frontier && { next: encodeCursor(frontier) }) }
}

/** By an id or its beginning. @throws NotFound | Ambiguous */
export async function findDeadLetter(
  db: Kysely<Tables>,
  prefix: string,
): Promise<DeadLetterSummary> {
  const id = await resolveId(db, 'dead_letter', prefix)
  const row = await db
    .selectFrom('dead_letter')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return deadLetterOf(row, await resolvedAmong(db, [row]))
}

const oneOf = (column: string, values: readonly string[] | undefined) =>
  values === undefined || values.length === 0
    ? []
    : [sql<SqlBool>`${sql.ref(column)} in (${sql.join(values)})`]

/** Redriven, and the dispatch that ran it again succeeded. */
const isResolved = sql<SqlBool>`exists (
  select 1 from "dispatch" as "again"
  where "again"."rerun_of" = "dead_letter"."id" and "again"."state" = 'succeeded'
)`

function ofStatus(status: DeadLetterTable['status'] | undefined): Conditions {
  if (status === 'resolved') return [...equal('status', 'redriven'), isResolved]
  if (status === 'redriven')
    return [...equal('status', 'redriven'), sql<SqlBool>`not ${isResolved}`]
  return equal('status', status)
}

export async function resolvedAmong(
  db: Kysely<Tables>,
  rows: readonly DeadLetterTable[],
): Promise<ReadonlySet<string>> {
  const redriven = rows.filter(({ status }) => status === 'redriven').map(({ id }) => id)
  if (redriven.length === 0) return new Set()
  const again = await db
    .selectFrom('dispatch')
    .select('rerun_of')
    .where('rerun_of', 'in', redriven)
    .where('state', '=', 'succeeded')
    .execute()
  return new Set(again.flatMap(({ rerun_of }) => rerun_of ?? []))
}

/** What died of the same thing, the group with the latest death first. */
export interface DeadLetterGroup {
  readonly fingerprint: string
  readonly app: string
  readonly binding: string
  readonly class: CauseClass
  readonly reason: DeadReason
  /** The first line of what it died of, without what makes each one different. */
  readonly top: string
  readonly entries: number
  readonly pending: number
  readonly firstAt: number
  readonly lastAt: number
  /** One of them. */
  readonly example: string
}

export async function groupDeadLetters(
  db: Kysely<Tables>,
  filter: Omit<DeadLetterFilter, 'cursor' | 'status'>,
): Promise<readonly DeadLetterGroup[]> {
  const conditions = [
    ...within('at', filter),
    ...equal('fingerprint', filter.fingerprint),
    ...equal('app', filter.app),
    ...ofBinding(filter.binding),
    ...oneOf('reason', filter.reason),
    ...contains(['id', 'type', 'error'], filter.text),
  ]
  const where = sql.join([sql`1 = 1`, ...conditions], sql` and `)
  const { rows } = await sql<DeadLetterGroup>`
    select "fingerprint", "app", "binding" || '@v' || "version" as "binding", "class", "reason",
      "top", count(*) as "entries",
      sum(case when "status" = 'pending' then 1 else 0 end) as "pending",
      min("at") as "firstAt", max("at") as "lastAt", max("id") as "example"
    from "dead_letter" where ${where}
    group by "fingerprint", "app", "binding", "version"
    order by "lastAt" desc, "fingerprint" limit ${filter.limit}
  `.execute(db)
  return rows
}

function deadLetterOf(
  row: DeadLetterTable & { readonly mark?: number },
  resolved: ReadonlySet<string>,
): DeadLetterSummary {
  const { number: _, version, error, at, expires_at, top: __, mark: ___, ...same } = row
  return {
    ...same,
    ...(resolved.has(row.id) && { status: 'resolved' }),
    binding: `${row.binding}@v${version}`,
    ...(error !== null && { error: JSON.parse(error) as AttemptError }), // written from one
    deadAt: at,
    expiresAt: expires_at,
  }
}
