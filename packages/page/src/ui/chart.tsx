import { lazy, Suspense } from 'react'
import type { ChartProps } from './plot.tsx'
import { Loading } from './notice.tsx'

/** uPlot comes when the first chart does. */
const Plot = lazy(async () => ({ default: (await import('./plot.tsx')).Plot }))

/** Lines over time, with a table of the same numbers for who sees no lines. */
export function Chart(props: ChartProps) {
  return (
    <figure className="chart">
      <Suspense fallback={<Loading what={props.label} rows={5} />}>
        <Plot {...props} />
      </Suspense>
      <details>
        <summary>As a table</summary>
        <Table {...props} />
      </details>
    </figure>
  )
}

const rowsMax = 60

function Table({ label, at, lines, format }: ChartProps) {
  const first = Math.max(0, at.length - rowsMax)
  return (
    <div className="chart-table" tabIndex={0} role="group" aria-label={`${label}, as a table`}>
      <table className="plain-table">
        <caption className="unseen">{label}</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {lines.map(({ name }) => (
              <th key={name} scope="col" className="right">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {at
            .slice(first)
            .map((ms, index) => (
              <tr key={ms}>
                <td className="num">{new Date(ms).toLocaleString()}</td>
                {lines.map(({ name, values }) => (
                  <td key={name} className="right">
                    {textOf(values[first + index], format)}
                  </td>
                ))}
              </tr>
            ))
            .toReversed()}
        </tbody>
      </table>
    </div>
  )
}

const textOf = (value: number | null | undefined, format: ChartProps['format']): string =>
  value === null || value === undefined ? '' : format(value)
