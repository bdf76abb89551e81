import { describe, expect, test } from 'vitest'
import { machine1 } from '../src/pages/dispatch/machine/picture-1.ts'
import {
  box,
  pathOf,
  pictures,
  pointsOf,
  takenArrows,
  visits,
} from '../src/pages/dispatch/machine/picture.ts'
import machine from '../src/pages/dispatch/machine/machine-1.json' with { type: 'json' }

describe.each([...pictures.values()])('picture of machine $version', (laid) => {
  test('every state has a place, no two the same', () => {
    expect(laid.states.map(({ name }) => name).sort()).toEqual(
      machine.states.map(({ name }) => name).sort(),
    )
    for (const a of laid.states) {
      for (const b of laid.states) {
        const apart = Math.abs(a.x - b.x) >= box.width || Math.abs(a.y - b.y) >= box.height
        expect(a === b || apart).toBe(true)
      }
    }
  })
  test('every branch has a line, and every line a branch', () => {
    const pairs = new Set(laid.branches.map(({ from, to }) => `${from} ${to}`))
    expect(laid.arrows.map(({ from, to }) => `${from} ${to}`).sort()).toEqual([...pairs].sort())
  })
  test('lines begin and end at the boxes they join, and turn at right angles', () => {
    const places = new Map(laid.states.map((one) => [one.name, one]))
    for (const { from, to, way } of laid.arrows) {
      const points = pointsOf(way)
      expect(isOnEdge(places.get(from), points[0]), `${from} → ${to} begins`).toBe(true)
      expect(isOnEdge(places.get(to), points.at(-1)), `${from} → ${to} ends`).toBe(true)
      for (const [at, [x, y]] of points.slice(1).entries()) {
        const before = points[at]
        expect(x === before?.[0] || y === before?.[1], `${from} → ${to} turns`).toBe(true)
      }
    }
  })
})

/** What may happen in any open state begins at the frame around them. */
function isOnEdge(
  place: { readonly x: number; readonly y: number } | undefined,
  point: readonly [number, number] | undefined,
): boolean {
  if (place === undefined || point === undefined) return place === undefined
  const [dx, dy] = [Math.abs(point[0] - place.x), Math.abs(point[1] - place.y)]
  const [right, top] = [box.width / 2, box.height / 2]
  return (dx === right && dy <= top) || (dy === top && dx <= right)
}

test('two branches of one event, told apart by their guards, are told apart', () => {
  const arrows = takenArrows(machine1, [
    { via: ['received:dispatch.started:2', 'flowGated:always:0'] },
    { via: ['attempting:attempt.failed:4'] },
  ])
  const taken = arrows.filter((one) => one.taken.size > 0)
  expect(taken.map(({ from, to }) => `${from} ${to}`)).toEqual([
    'received flowGated',
    'flowGated attempting',
    'attempting retryWait',
  ])
  expect(arrows.filter(({ isLatest }) => isLatest).map(({ to }) => to)).toEqual(['retryWait'])
  const been = visits(machine1, [{ via: ['received:dispatch.started:2', 'flowGated:always:0'] }])
  expect(Object.fromEntries(been)).toEqual({ received: 1, flowGated: 1, attempting: 1 })
})

test('a line ends in the tip of its arrow', () => {
  expect(pathOf([0, 0, 10, 0])).toEqual({ line: 'M0 0L10 0', head: 'M10 0L5 -2.5L5 2.5z' })
})
