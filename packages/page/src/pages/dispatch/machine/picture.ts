import { machine1 } from './picture-1.ts'

/** One branch of the statechart, by the identity that the log names: `source:event:branch`. */
export interface Branch {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly event: string
  readonly guard?: string
}

/** A machine with places: made once per version, kept for ever. */
export interface Laid {
  readonly version: number
  readonly branches: readonly Branch[]
  readonly size: { readonly width: number; readonly height: number }
  readonly open: {
    readonly x: number
    readonly y: number
    readonly width: number
    readonly height: number
  }
  /** Middle of each box. */
  readonly states: readonly { readonly name: string; readonly x: number; readonly y: number }[]
  /** One line for all branches between two states: x, y, x, y ... with right angles. */
  readonly arrows: readonly {
    readonly from: string
    readonly to: string
    readonly way: readonly number[]
  }[]
}

/** A dispatch keeps the machine it began with. */
export const pictures: ReadonlyMap<number, Laid> = new Map([[machine1.version, machine1]])

export const box = { width: 116, height: 38 } as const

export interface TakenArrow {
  readonly from: string
  readonly to: string
  readonly way: readonly number[]
  readonly branches: readonly Branch[]
  /** How often each of its branches was taken. */
  readonly taken: ReadonlyMap<string, number>
  /** It was taken in the step that is looked at. */
  readonly isLatest: boolean
}

interface Taken {
  readonly via: readonly string[]
}

/**
 * What was taken, by identity: two branches of one event, told apart by their guards alone, are
 * two things. A step may take several, one after the other.
 */
export function takenArrows(laid: Laid, steps: readonly Taken[]): TakenArrow[] {
  const counts = new Map<string, number>()
  for (const id of steps.flatMap(({ via }) => via)) counts.set(id, (counts.get(id) ?? 0) + 1)
  const latest = new Set(steps.at(-1)?.via)
  return laid.arrows.map(({ from, to, way }) => {
    const branches = laid.branches.filter((one) => one.from === from && one.to === to)
    const taken = new Map(
      branches.flatMap(({ id }) => {
        const times = counts.get(id)
        return times === undefined ? [] : [[id, times] as const]
      }),
    )
    return { from, to, way, branches, taken, isLatest: branches.some(({ id }) => latest.has(id)) }
  })
}

/** States it has been in, with how often it came there; those passed through count too. */
export function visits(laid: Laid, steps: readonly Taken[]): ReadonlyMap<string, number> {
  const byId = new Map(laid.branches.map((one) => [one.id, one]))
  const counts = new Map<string, number>()
  const come = (state: string): void => void counts.set(state, (counts.get(state) ?? 0) + 1)
  if (steps.length > 0) come('received')
  for (const id of steps.flatMap(({ via }) => via)) {
    const branch = byId.get(id)
    if (branch) come(branch.to)
  }
  return counts
}

const corner = 6

/** The line with round corners, and the head of its arrow. */
export function pathOf(way: readonly number[]): { readonly line: string; readonly head: string } {
  const points = pointsOf(way)
  const parts = points.map(([x, y], at) => {
    const [before, after] = [points[at - 1], points[at + 1]]
    if (!before) return `M${x} ${y}`
    if (!after) return `L${x} ${y}`
    const [ax, ay] = towards([x, y], before, corner)
    const [bx, by] = towards([x, y], after, corner)
    return `L${ax} ${ay}Q${x} ${y} ${bx} ${by}`
  })
  return { line: parts.join(''), head: headOf(points) }
}

type Point = readonly [x: number, y: number]

export function pointsOf(way: readonly number[]): Point[] {
  const points: Point[] = []
  for (let at = 0; at + 1 < way.length; at += 2) points.push([way[at] ?? 0, way[at + 1] ?? 0])
  return points
}

function towards([x, y]: Point, [tx, ty]: Point, by: number): Point {
  const length = Math.hypot(tx - x, ty - y)
  const part = length === 0 ? 0 : Math.min(by, length / 2) / length
  return [x + (tx - x) * part, y + (ty - y) * part]
}

function headOf(points: readonly Point[]): string {
  const [end, before] = [points.at(-1), points.at(-2)]
  if (!end || !before) return ''
  const [bx, by] = towards(end, before, 8)
  const [dx, dy] = [(end[1] - by) / 2, (bx - end[0]) / 2]
  return `M${end[0]} ${end[1]}L${bx + dx} ${by + dy}L${bx - dx} ${by - dy}z`
}
