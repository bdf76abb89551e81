import type { AttemptError, CauseClass, DeadReason } from '@waybill/core'
import { type Kysely, type SqlBool, sql } from 'kysely'
import type { DeadLetterTable, Tables } from '../tables.ts'
import { contains, equal, ofBinding, within } from './conditions.ts'
import { resolveId } from './ids.ts'
import { decodeCursor, encodeCursor, scan } from './scan.ts'

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
      ...equal('status', filter.status),
      ...oneOf('reason', filter.reason),
      ...contains(['id', 'type', 'error'], filter.text),
    ],
    after: filter.cursor === undefined ? undefined : decodeCursor(filter.cursor),
    limit: filter.limit,
  })
  return { entries: rows.map(deadLetterOf), ...(frontier && { next: encodeCursor(frontier) }) }
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
  return deadLetterOf(row)
}

const oneOf = (column: string, values: readonly string[] | undefined) =>
  values === undefined || values.length === 0
    ? []
    : [sql<SqlBool>`${sql.ref(column)} in (${sql.join(values)})`]

function deadLetterOf(row: DeadLetterTable): DeadLetterSummary {
  const { number: _, version, error, at, expires_at, top: __, ...same } = row
  return {
    ...same,
    binding: `${row.binding}@v${version}`,
    ...(error !== null && { error: JSON.parse(error) as AttemptError }), // written from one
    deadAt: at,
    expiresAt: expires_at,
  }
}
