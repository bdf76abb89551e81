import { lookOf } from '../../../ui/state.tsx'
import {
  box,
  type Laid,
  pathOf,
  pointsOf,
  type TakenArrow,
  takenArrows,
  visits,
} from './picture.ts'

export function Picture({
  laid,
  steps,
  state,
  isOpen,
}: {
  readonly laid: Laid
  readonly steps: readonly { readonly via: readonly string[] }[]
  readonly state: string | undefined
  readonly isOpen: boolean
}) {
  const arrows = takenArrows(laid, steps)
  const been = visits(laid, steps)
  const { width, height } = laid.size
  return (
    <svg
      className="machine"
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={`machine ${laid.version}, now in ${state ?? 'no state'}`}
    >
      <rect
        className="machine-open"
        data-active={isOpen}
        rx={10}
        x={laid.open.x}
        y={laid.open.y}
        width={laid.open.width}
        height={laid.open.height}
      />
      <text className="machine-note" x={laid.open.x + 10} y={laid.open.y + 18}>
        open
      </text>
      {/* What was taken lies above what was not. */}
      {arrows
        .toSorted((a, b) => a.taken.size - b.taken.size)
        .map((arrow) => (
          <Arrow key={`${arrow.from} ${arrow.to}`} arrow={arrow} />
        ))}
      {laid.states.map(({ name, x, y }) => (
        <Box
          key={name}
          name={name}
          x={x}
          y={y}
          times={been.get(name) ?? 0}
          isNow={name === state}
        />
      ))}
    </svg>
  )
}

function Arrow({ arrow }: { readonly arrow: TakenArrow }) {
  const { way, branches, taken, isLatest } = arrow
  const { line, head } = pathOf(way)
  const times = [...taken.values()].reduce((sum, one) => sum + one, 0)
  return (
    <g className="machine-arrow" data-taken={times > 0} data-latest={isLatest}>
      <title>{branches.map((one) => branchText(one, taken.get(one.id))).join('\n')}</title>
      <path className="machine-hit" d={line} />
      <path className="machine-line" d={line} />
      <path className="machine-head" d={head} />
      {times > 1 && <Times way={way} times={times} />}
    </g>
  )
}

const branchText = (
  { event, guard, id }: TakenArrow['branches'][number],
  times: number | undefined,
): string =>
  `${event}${guard === undefined ? '' : ` [${guard}]`}${times === undefined ? '' : `  taken ${times}×`}  (${id})`

function Times({ way, times }: { readonly way: readonly number[]; readonly times: number }) {
  const [x, y] = middleOf(way)
  return (
    <g className="machine-times" transform={`translate(${x} ${y})`}>
      <rect x={-12} y={-8} width={24} height={16} rx={8} />
      <text y={4}>{times}×</text>
    </g>
  )
}

/** Of its longest piece. */
function middleOf(way: readonly number[]): readonly [number, number] {
  const points = pointsOf(way)
  const pieces = points.flatMap(([x, y], at) => {
    const next = points[at + 1]
    if (!next) return []
    const [u, v] = next
    return [{ x: (x + u) / 2, y: (y + v) / 2, length: Math.hypot(u - x, v - y) }]
  })
  const [longest] = pieces.sort((a, b) => b.length - a.length)
  return longest ? [longest.x, longest.y] : [0, 0]
}

function Box({
  name,
  x,
  y,
  times,
  isNow,
}: {
  readonly name: string
  readonly x: number
  readonly y: number
  readonly times: number
  readonly isNow: boolean
}) {
  return (
    <g
      className="machine-state"
      data-tone={lookOf(name).tone}
      data-now={isNow}
      data-been={times > 0}
      transform={`translate(${x - box.width / 2} ${y - box.height / 2})`}
    >
      <title>{`${name}${times === 0 ? '' : `, ${times}×`}`}</title>
      <rect width={box.width} height={box.height} rx={8} />
      <text x={box.width / 2} y={box.height / 2 + 4}>
        {name}
      </text>
    </g>
  )
}
