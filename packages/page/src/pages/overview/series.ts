import type { ResponseOf } from '@waybill/api'

type Rates = ResponseOf<'stats.rates'>
type Bucket = Rates['buckets'][number]

/** Ranges that are offered, with buckets of which some hundred fit. */
export const ranges = {
  '15m': { ms: 900_000, bucketMs: 60_000 },
  '1h': { ms: 3_600_000, bucketMs: 60_000 },
  '6h': { ms: 21_600_000, bucketMs: 300_000 },
  '24h': { ms: 86_400_000, bucketMs: 900_000 },
  '7d': { ms: 604_800_000, bucketMs: 7_200_000 },
} as const
export type Range = keyof typeof ranges
export const rangeNames = Object.keys(ranges) as Range[] // its own literal's keys

export interface Series {
  readonly at: readonly number[]
  readonly counts: Readonly<Record<CountName, readonly number[]>>
  readonly p50: readonly (number | null)[]
  readonly p95: readonly (number | null)[]
}
const countNames = ['started', 'succeeded', 'failed', 'dlq', 'retried', 'skipped'] as const
type CountName = (typeof countNames)[number]

/** Minutes in which nothing happened are not told: here they are zero, so that lines fall. */
export function seriesOf({ buckets, bucketMs }: Rates, since: number, until: number): Series {
  const byAt = new Map(buckets.map((one) => [one.at, one]))
  const first = Math.floor(since / bucketMs) * bucketMs
  const at: number[] = []
  for (let ms = first; ms <= until; ms += bucketMs) at.push(ms)
  const of = (name: CountName): number[] => at.map((ms) => byAt.get(ms)?.[name] ?? 0)
  return {
    at,
    counts: {
      started: of('started'),
      succeeded: of('succeeded'),
      failed: of('failed'),
      dlq: of('dlq'),
      retried: of('retried'),
      skipped: of('skipped'),
    },
    p50: at.map((ms) => byAt.get(ms)?.p50Ms ?? null),
    p95: at.map((ms) => byAt.get(ms)?.p95Ms ?? null),
  }
}

export interface Sums {
  readonly started: number
  readonly ended: number
  readonly bad: number
  readonly retried: number
  /** Of what ended with a result; undefined: nothing did. */
  readonly badShare: number | undefined
  /** Of the newest bucket that has one. */
  readonly p50Ms: number | undefined
  readonly p95Ms: number | undefined
}

export function sumsOf(buckets: readonly Bucket[]): Sums {
  const sum = (of: (one: Bucket) => number): number =>
    buckets.reduce((total, one) => total + of(one), 0)
  const bad = sum(({ failed, dlq }) => failed + dlq)
  const ended = sum(({ succeeded, failed, dlq }) => succeeded + failed + dlq)
  const last = buckets.findLast(({ p50Ms }) => p50Ms !== undefined)
  return {
    started: sum(({ started }) => started),
    ended,
    bad,
    retried: sum(({ retried }) => retried),
    badShare: ended === 0 ? undefined : bad / ended,
    p50Ms: last?.p50Ms,
    p95Ms: last?.p95Ms,
  }
}
