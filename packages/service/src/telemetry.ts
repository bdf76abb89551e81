import { monitorEventLoopDelay } from 'node:perf_hooks'

export type Labels = Readonly<Record<string, string>>

export interface Counter {
  add(labels?: Labels, by?: number): void
  value(labels?: Labels): number
}

export interface Histogram {
  observe(value: number, labels?: Labels): void
}

export interface Metrics {
  /** Names end in `_total`. Asking twice for one name gives the same one. */
  counter(name: MetricName, help: string): Counter
  /** Read when somebody looks; several series by labels. */
  gauge(name: MetricName, help: string, read: () => number | readonly [Labels, number][]): void
  /** `bounds`: upper ends of the buckets, ascending, in the unit of the name. */
  histogram(name: MetricName, help: string, bounds: readonly number[]): Histogram
  /** Prometheus text format 0.0.4. */
  text(): string
}

export type MetricName = `waybill_${string}`

/** Series of one metric; more are added up under `other`, so labels cannot eat the memory. */
const seriesMax = 1000

export function createMetrics(): Metrics {
  const metrics = new Map<string, { help: string; type: string; lines: () => string[] }>()
  const handles = new Map<string, Counter | Histogram>()

  function once<T extends Counter | Histogram>(name: string, make: () => T): T {
    const known = handles.get(name)
    if (known) return known as T // made by the same call before; a name has one kind
    const fresh = make()
    handles.set(name, fresh)
    return fresh
  }

  return {
    counter: (name, help) =>
      once(name, () => {
        const series = createSeries(() => ({ count: 0 }))
        const lines = () => series.all().map(([labels, { count }]) => `${name}${labels} ${count}`)
        metrics.set(name, { help, type: 'counter', lines })
        return {
          add: (labels = {}, by = 1) => void (series.at(labels).count += by),
          value: (labels = {}) => series.at(labels).count,
        }
      }),
    gauge(name, help, read) {
      const lines = () => {
        const value = read()
        const values: readonly (readonly [Labels, number])[] =
          typeof value === 'number' ? [[{}, value]] : value
        return values.map(([labels, it]) => `${name}${render(labels)} ${it}`)
      }
      metrics.set(name, { help, type: 'gauge', lines })
    },
    histogram: (name, help, bounds) =>
      once(name, () => {
        const series = createSeries(() => ({ counts: bounds.map(() => 0), count: 0, sum: 0 }))
        metrics.set(name, {
          help,
          type: 'histogram',
          lines: () => bucketLines(name, bounds, series),
        })
        return {
          observe(value, labels = {}) {
            const it = series.at(labels)
            it.count++
            it.sum += value
            const at = bounds.findIndex((bound) => value <= bound)
            if (at >= 0) it.counts[at] = (it.counts[at] ?? 0) + 1
          },
        }
      }),
    text() {
      const blocks = [...metrics].map(([name, { help, type, lines }]) =>
        [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines()].join('\n'),
      )
      return `${blocks.join('\n')}\n`
    },
  }
}

interface Series<T> {
  at(labels: Labels): T
  all(): readonly (readonly [string, T])[]
}

function createSeries<T>(make: () => T): Series<T> {
  const values = new Map<string, { labels: Labels; it: T }>()
  return {
    at(labels) {
      const key = render(labels)
      const known = values.get(key)
      if (known) return known.it
      const names = Object.keys(labels)
      if (names.length > 0 && values.size >= seriesMax) {
        const other = Object.fromEntries(names.map((name) => [name, 'other']))
        if (render(other) !== key) return this.at(other)
      }
      const it = make()
      values.set(key, { labels, it })
      return it
    },
    all: () => [...values].map(([key, { it }]) => [key, it] as const),
  }
}

function bucketLines(
  name: string,
  bounds: readonly number[],
  series: Series<{ counts: number[]; count: number; sum: number }>,
): string[] {
  return series.all().flatMap(([labels, { counts, count, sum }]) => {
    let below = 0
    const buckets = bounds.map((bound, at) => {
      below += counts[at] ?? 0
      return `${name}_bucket${withLabel(labels, 'le', String(bound))} ${below}`
    })
    const rest = `${name}_bucket${withLabel(labels, 'le', '+Inf')} ${count}`
    return [...buckets, rest, `${name}_sum${labels} ${sum}`, `${name}_count${labels} ${count}`]
  })
}

function render(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

const withLabel = (labels: string, name: string, value: string): string =>
  labels === '' ? `{${name}="${value}"}` : `${labels.slice(0, -1)},${name}="${value}"}`

const escape = (value: string): string =>
  value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')

export interface EventLoopWatch extends Disposable {
  /** Longest time the loop was held up since last asked, ms. */
  lagMaxMs(): number
}

/** The loop's lag and the memory of this process, as gauges. */
export function watchProcess(metrics: Metrics): EventLoopWatch {
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  const seconds = (nanos: number): number => (Number.isFinite(nanos) ? nanos / 1e9 : 0)
  metrics.gauge('waybill_event_loop_lag_seconds', 'Delay of the event loop since the start', () => [
    [{ quantile: '0.5' }, seconds(delay.percentile(50))],
    [{ quantile: '0.99' }, seconds(delay.percentile(99))],
    [{ quantile: '1' }, seconds(delay.max)],
  ])
  metrics.gauge('waybill_process_memory_bytes', 'Memory of this process', () => {
    const { rss, heapUsed, external } = process.memoryUsage()
    return [
      [{ kind: 'rss' }, rss],
      [{ kind: 'heap' }, heapUsed],
      [{ kind: 'external' }, external],
    ]
  })
  return {
    lagMaxMs() {
      const max = delay.max / 1e6
      delay.reset()
      return max
    },
    [Symbol.dispose]: () => void delay.disable(),
  }
}
