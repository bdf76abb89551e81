import 'uplot/dist/uPlot.min.css'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import { clock } from '../base/text.ts'
import { useSettings } from '../base/settings.ts'
import type { Tone } from './state.tsx'

export interface ChartProps {
  readonly label: string
  /** ms since 1970, ascending. */
  readonly at: readonly number[]
  readonly lines: readonly Line[]
  readonly format: (value: number) => string
  readonly height?: number
}
export interface Line {
  readonly name: string
  readonly tone: Tone
  readonly values: readonly (number | null)[]
  /** Lines are told apart by this as well as by colour. */
  readonly dash?: readonly number[]
}

export function Plot({ label, at, lines, format, height = 180 }: ChartProps) {
  const { theme } = useSettings()
  const holder = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const shape = lines.map(({ name }) => name).join()
  const data = useRef<uPlot.AlignedData>([[]])
  data.current = [at.map((ms) => ms / 1000), ...lines.map(({ values }) => [...values])]
  useEffect(() => {
    const place = holder.current
    if (!place) return undefined
    const made = new uPlot(optionsOf(place, { lines, format, height }), data.current, place)
    plot.current = made
    const watch = new ResizeObserver(() => made.setSize({ width: place.clientWidth, height }))
    watch.observe(place)
    return () => {
      watch.disconnect()
      made.destroy()
    }
    // Colours are read from the style once; another theme is another plot.
  }, [shape, theme, height])
  useEffect(() => plot.current?.setData(data.current), [at, lines])
  return <div ref={holder} role="img" aria-label={label} />
}

function optionsOf(
  place: HTMLElement,
  { lines, format, height }: Pick<ChartProps, 'lines' | 'format'> & { readonly height: number },
): uPlot.Options {
  const [text, grid] = [colourOf(place, '--muted'), colourOf(place, '--line')]
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { show: false } }
  const font = `11px ${getComputedStyle(place).fontFamily}`
  return {
    width: place.clientWidth,
    height,
    cursor: { points: { size: 6 }, drag: { x: false, y: false } },
    legend: { live: true },
    axes: [
      { ...axis, font, space: 70, values: timeTexts },
      { ...axis, font, size: 56, values: (_plot, values) => values.map((one) => format(one)) },
    ],
    scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
    series: [
      { label: 'at', value: (_plot, at) => (at === null ? '' : clock(at * 1000, false)) },
      ...lines.map(({ name, tone, dash }) => ({
        label: name,
        stroke: colourOf(place, `--${tone}`),
        width: 1.5,
        points: { size: 5, show: isSparse },
        spanGaps: false,
        value: (_plot: uPlot, value: number | null) => (value === null ? '' : format(value)),
        ...(dash && { dash: [...dash] }),
      })),
    ],
  }
}

/** A line of a few points with gaps between them is no line: they are shown as points. */
const isSparse = (plot: uPlot, series: number): boolean =>
  (plot.data[series] ?? []).filter((value) => value !== null).length < 30

const dayMs = 86_400_000

/** Times of day; days where the axis is days long. */
function timeTexts(_plot: uPlot, seconds: number[]): string[] {
  const span = ((seconds.at(-1) ?? 0) - (seconds[0] ?? 0)) * 1000
  return seconds.map((one) => {
    const date = new Date(one * 1000)
    return span < dayMs
      ? date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
      : date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })
  })
}

/** A canvas knows no `light-dark()`: the browser resolves it on an element. */
function colourOf(place: HTMLElement, token: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(${token})`
  place.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
