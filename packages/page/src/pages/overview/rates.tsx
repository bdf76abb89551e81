import { useMemo } from 'react'
import { useAsk } from '../../base/query.ts'
import { useApp, useSearch } from '../../base/router.tsx'
import { useNow } from '../../base/now.ts'
import { duration, number } from '../../base/text.ts'
import { Chart } from '../../ui/chart.tsx'
import { Answer } from '../../ui/notice.tsx'
import {
  type Range,
  rangeNames,
  ranges,
  seriesOf,
  type Series,
  type Sums,
  sumsOf,
} from './series.ts'

export function Rates() {
  const app = useApp()
  const [search, setSearch] = useSearch()
  const range = rangeNames.find((one) => one === search.get('range')) ?? '1h'
  const { ms, bucketMs } = ranges[range]
  // The window moves on bucket by bucket, not second by second.
  const until = Math.floor(useNow() / bucketMs) * bucketMs
  const since = until - ms
  const answer = useAsk(
    'stats.rates',
    { since, bucketMs, ...(app !== undefined && { app }) },
    { on: () => true, everyMs: 10_000 },
  )
  return (
    <section className="card" aria-labelledby="rates">
      <div className="card-head">
        <h2 id="rates">Rates</h2>
        <span className="push" />
        <div className="spread" role="group" aria-label="range">
          {rangeNames.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={one === range}
              onClick={() =>
                setSearch({ range: one === '1h' ? undefined : one }, { replace: true })
              }
            >
              {one}
            </button>
          ))}
        </div>
      </div>
      <Answer answer={answer} what="rates">
        {(rates) => <Charts rates={rates} since={since} until={until} range={range} />}
      </Answer>
    </section>
  )
}

function Charts({
  rates,
  since,
  until,
  range,
}: {
  readonly rates: Parameters<typeof seriesOf>[0]
  readonly since: number
  readonly until: number
  readonly range: Range
}) {
  const series = useMemo(() => seriesOf(rates, since, until), [rates, since, until])
  const sums = useMemo(() => sumsOf(rates.buckets), [rates])
  return (
    <>
      <Numbers sums={sums} range={range} />
      <div className="charts">
        <Throughput series={series} />
        <Latency series={series} />
      </div>
    </>
  )
}

function Throughput({ series: { at, counts } }: { readonly series: Series }) {
  const lines = useMemo(
    () =>
      [
        { name: 'started', tone: 'running', values: counts.started },
        { name: 'succeeded', tone: 'done', values: counts.succeeded },
        { name: 'failed', tone: 'failed', values: sumOf(counts.failed, counts.dlq) },
        { name: 'retried', tone: 'waiting', values: counts.retried, dash: [4, 3] },
      ] as const,
    [counts],
  )
  return <Chart label="dispatches in each step of time" at={at} lines={lines} format={number} />
}

const sumOf = (a: readonly number[], b: readonly number[]): number[] =>
  a.map((one, at) => one + (b[at] ?? 0))

function Latency({ series: { at, p50, p95 } }: { readonly series: Series }) {
  const lines = useMemo(
    () =>
      [
        { name: 'p50', tone: 'running', values: p50 },
        { name: 'p95', tone: 'held', values: p95, dash: [6, 3] },
      ] as const,
    [p50, p95],
  )
  return <Chart label="from start to end" at={at} lines={lines} format={duration} />
}

function Numbers({ sums, range }: { readonly sums: Sums; readonly range: Range }) {
  const { started, ended, bad, badShare, retried, p50Ms, p95Ms } = sums
  return (
    <dl className="figures">
      <Figure name={`started in ${range}`} value={number(started)} />
      <Figure name="ended" value={number(ended)} />
      <Figure
        name="failed or died"
        value={number(bad)}
        note={badShare === undefined ? '' : `${(badShare * 100).toFixed(badShare < 0.1 ? 1 : 0)} %`}
        tone={bad > 0 ? 'failed' : undefined}
      />
      <Figure name="retries" value={number(retried)} />
      <Figure name="p50, newest" value={p50Ms === undefined ? '–' : duration(p50Ms)} />
      <Figure name="p95, newest" value={p95Ms === undefined ? '–' : duration(p95Ms)} />
    </dl>
  )
}

function Figure({
  name,
  value,
  note = '',
  tone,
}: {
  readonly name: string
  readonly value: string
  readonly note?: string
  readonly tone?: string | undefined
}) {
  return (
    <div className="figure" data-tone={tone}>
      <dt>{name}</dt>
      <dd>
        {value} {note !== '' && <span className="muted small">{note}</span>}
      </dd>
    </div>
  )
}
