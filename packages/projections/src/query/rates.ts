import { type Expression, type Kysely, type SqlBool, sql } from 'kysely'
import { percentile } from '../took.ts'
import type { MinuteCountTable, Tables } from '../tables.ts'
import { ofBinding } from './conditions.ts'

export interface RateFilter {
  readonly app?: string | undefined
  /** `<id>`, every version, or `<id>@v<n>`. */
  readonly binding?: string | undefined
  /** Epoch ms: from, and before. Minutes count whole. */
  readonly since: number
  readonly until: number
  /** Whole minutes. */
  readonly bucketMs: number
}

/** What happened in one stretch of time. */
export interface RateBucket {
  /** When it begins. */
  readonly at: number
  readonly started: number
  readonly succeeded: number
  readonly failed: number
  readonly dlq: number
  readonly skipped: number
  readonly cancelled: number
  readonly superseded: number
  /** Attempts that are made again later. */
  readonly retried: number
  /** From its start to its end, of what succeeded, failed or died; within a fifth. */
  readonly p50Ms?: number
  readonly p95Ms?: number
}

const minuteMs = 60_000

/** Oldest first; stretches in which nothing happened are left out. */
export async function readRates(
  db: Kysely<Tables>,
  { app, binding, since, until, bucketMs }: RateFilter,
): Promise<readonly RateBucket[]> {
  const minutes = Math.max(1, Math.round(bucketMs / minuteMs))
  const conditions: Expression<SqlBool>[] = [
    sql<SqlBool>`"minute" >= ${Math.floor(since / minuteMs)}`,
    sql<SqlBool>`"minute" < ${Math.ceil(until / minuteMs)}`,
    ...(app === undefined ? [] : [sql<SqlBool>`"app" = ${app}`]),
    ...ofBinding(binding),
  ]
  const { rows } = await sql<Counted>`
    select "minute" / cast(${minutes} as integer) as "bucket", "what", sum("count") as "count"
    from "minute_count" where ${sql.join(conditions, sql` and `)}
    group by "bucket", "what" order by "bucket"
  `.execute(db)
  return [...Map.groupBy(rows, ({ bucket }) => bucket)].map(([bucket, counted]) =>
    bucketOf(bucket * minutes * minuteMs, counted),
  )
}

interface Counted {
  readonly bucket: number
  readonly what: MinuteCountTable['what']
  readonly count: number
}

function bucketOf(at: number, counted: readonly Counted[]): RateBucket {
  const counts = new Map(counted.map(({ what, count }) => [what, count]))
  const of = (what: MinuteCountTable['what']) => counts.get(what) ?? 0
  const took = new Map(
    counted
      .filter(({ what }) => what.startsWith('took.'))
      .map(({ what, count }) => [Number(what.slice(5)), count]),
  )
  const [p50Ms, p95Ms] = [percentile(took, 0.5), percentile(took, 0.95)]
  return {
    at,
    started: of('started'),
    succeeded: of('succeeded'),
    failed: of('failed'),
    dlq: of('dlq'),
    skipped: of('skipped'),
    cancelled: of('cancelled'),
    superseded: of('superseded'),
    retried: of('retryWait'),
    ...(p50Ms !== undefined && { p50Ms }),
    ...(p95Ms !== undefined && { p95Ms }),
  }
}
