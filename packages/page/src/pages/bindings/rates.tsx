import type { ResponseOf } from '@waybill/api'
import { useNow } from '../../base/now.ts'
import { useAsk } from '../../base/query.ts'
import { duration, number } from '../../base/text.ts'
import { sumsOf } from '../overview/series.ts'

type Bucket = ResponseOf<'stats.rates'>['buckets'][number]

const minuteMs = 60_000
const minutes = 60

/** What a binding did within the last hour, minute by minute. */
function useHour(app: string, binding: string) {
  const until = Math.floor(useNow() / minuteMs) * minuteMs
  const since = until - (minutes - 1) * minuteMs
  const asked = { app, binding, since, bucketMs: minuteMs }
  const { data, error } = useAsk('stats.rates', asked, { everyMs: 10_000 })
  return { data, error, since }
}

/** In a list: a bar for each minute, and what it adds up to. */
export function RateCell({ app, binding }: { readonly app: string; readonly binding: string }) {
  const { data, error, since } = useHour(app, binding)
  if (data === undefined) return <span className="muted">{error ? 'not known' : ''}</span>
  const { started, bad } = sumsOf(data.buckets)
  return (
    <span className="spread rate-cell">
      <Bars buckets={data.buckets} since={since} />
      <span className="num">{number(started)}</span>
      {bad > 0 && (
        <span className="num" data-tone="failed">
          {number(bad)} failed
        </span>
      )}
    </span>
  )
}

/** In words and numbers. */
export function RateFacts({ app, binding }: { readonly app: string; readonly binding: string }) {
  const { data, since } = useHour(app, binding)
  const buckets = data?.buckets ?? []
  const { started, ended, bad, retried } = sumsOf(buckets)
  const slowest = Math.max(0, ...buckets.map(({ p95Ms = 0 }) => p95Ms))
  const facts: readonly (readonly [string, string])[] = [
    ['started', number(started)],
    ['succeeded', number(ended - bad)],
    ['failed or died', number(bad)],
    ['skipped', number(buckets.reduce((sum, { skipped }) => sum + skipped, 0))],
    ['tried again', number(retried)],
    ['slowest p95 of a minute', slowest === 0 ? 'none ended' : duration(slowest)],
  ]
  return (
    <section className="card" aria-labelledby="rates">
      <div className="card-head">
        <h2 id="rates">The last hour</h2>
        <span className="push" />
        <Bars buckets={buckets} since={since} />
      </div>
      <dl className="figures">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{data === undefined ? '' : value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

const width = 3
const height = 22

/** Starts a minute, with failures in front. The numbers beside it say the same. */
function Bars({ buckets, since }: { readonly buckets: readonly Bucket[]; readonly since: number }) {
  const most = Math.max(
    1,
    ...buckets.map(({ started, failed, dlq }) => Math.max(started, failed + dlq)),
  )
  const high = (many: number): number => (many === 0 ? 0 : Math.max(1.5, (many / most) * height))
  return (
    <svg className="bars" width={minutes * width} height={height} aria-hidden="true">
      {buckets.map(({ at, started, failed, dlq }) => {
        const x = Math.round((at - since) / minuteMs) * width
        const [all, bad] = [high(started), high(failed + dlq)]
        return (
          <g key={at}>
            <rect x={x} y={height - all} width={width - 1} height={all} />
            <rect className="bad" x={x} y={height - bad} width={width - 1} height={bad} />
          </g>
        )
      })}
    </svg>
  )
}
