import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { layout, nodeSize } from '../src/pages/dispatch/graph/layout.ts'
import { outlineOf } from '../src/pages/dispatch/graph/rows.ts'
import { focusPath, folded, type Graph, type Node } from '../src/pages/dispatch/graph/tree.ts'

const nodeOf = (id: string, status = 'completed', label = id): Node => ({
  id,
  kind: 'dispatch',
  label,
  status,
  metadata: {},
  seq: Number(id.replaceAll(/\D/g, '') || 0),
})
const edge = (from: string, to: string): Graph['edges'][number] => ({ from, to, kind: 'caused' })

/** A root with children of one kind, each with a follower: mails that are sent and archived. */
function fan(size: number, statusOf: (at: number) => string = () => 'completed'): Graph {
  const nodes = [nodeOf('root')]
  const edges = []
  for (let at = 1; at <= size; at++) {
    nodes.push(nodeOf(`mail${at}`, 'completed', `send-mail attempt ${at}`))
    nodes.push(nodeOf(`end${at}`, statusOf(at), 'archive'))
    edges.push(edge('root', `mail${at}`), edge(`mail${at}`, `end${at}`))
  }
  return { nodes, edges, asOf: {} }
}

describe('folding', () => {
  test('what looks alike is one box that says how they came out', () => {
    const seen = folded(fan(312), new Set())
    expect(seen.nodes.map(({ id }) => id)).toEqual(['root'])
    expect(seen.groups).toHaveLength(1)
    expect(seen.groups[0]?.members).toHaveLength(624)
    expect([...(seen.groups[0]?.statuses ?? [])]).toEqual([['completed', 312]])
    expect(seen.edges).toEqual([edge('root', seen.groups[0]?.id ?? '')])
  })
  test('the few that failed stay to be seen, many do not', () => {
    const few = folded(
      fan(20, (at) => (at === 7 ? 'failed' : 'completed')),
      new Set(),
    )
    expect(few.nodes.map(({ id }) => id)).toEqual(['root', 'mail7', 'end7'])
    const many = folded(
      fan(20, (at) => (at <= 9 ? 'failed' : 'completed')),
      new Set(),
    )
    expect(many.nodes.map(({ id }) => id)).toEqual(['root'])
    expect(Object.fromEntries(many.groups[0]?.statuses ?? [])).toEqual({ completed: 11, failed: 9 })
  })
  test('three are no crowd, and what was unfolded stays so', () => {
    expect(folded(fan(3), new Set()).groups).toEqual([])
    const [group] = folded(fan(5), new Set()).groups
    expect(folded(fan(5), new Set([group?.id ?? ''])).groups).toEqual([])
  })
})

describe('what one wants to see first', () => {
  test('the way to what failed, from the root on', () => {
    const graph = fan(6, (at) => (at === 3 ? 'failed' : at === 5 ? 'running' : 'completed'))
    expect(focusPath(graph)).toEqual(['root', 'mail3', 'end3'])
  })
  test('else to what is under way; an attempt that was tried again is not the end', () => {
    const graph = fan(2, (at) => (at === 1 ? 'running' : 'completed'))
    const nodes = graph.nodes.map((one) => (one.id === 'mail2' ? nodeOf('mail2', 'failed') : one))
    expect(focusPath({ ...graph, nodes })).toEqual(['root', 'mail1', 'end1'])
  })
})

const trees = fc.array(fc.nat(), { minLength: 1, maxLength: 60 }).map((parents) => ({
  ids: ['n0', ...parents.map((_, at) => `n${at + 1}`)],
  arrows: parents.map((parent, at) => ({ from: `n${parent % (at + 1)}`, to: `n${at + 1}` })),
}))

describe('layout', () => {
  test('no two boxes overlap, and every arrow points to the right', () => {
    fc.assert(
      fc.property(trees, ({ ids, arrows }) => {
        const boxes = layout(ids, arrows)
        expect(boxes.map(({ id }) => id).sort()).toEqual([...ids].sort())
        for (const a of boxes) {
          for (const b of boxes) {
            if (a.id === b.id || a.x !== b.x) continue
            expect(Math.abs(a.y - b.y)).toBeGreaterThanOrEqual(nodeSize.height - 1e-6)
          }
        }
        const x = new Map(boxes.map((one) => [one.id, one.x]))
        for (const { from, to } of arrows) expect(x.get(to)).toBeGreaterThan(x.get(from) ?? 0)
      }),
    )
  })
  test('500 boxes take less than a frame or two', () => {
    const ids = Array.from({ length: 500 }, (_, at) => `n${at}`)
    const arrows = ids.slice(1).map((to, at) => ({ from: `n${Math.floor(at / 3)}`, to }))
    const since = performance.now()
    layout(ids, arrows)
    expect(performance.now() - since).toBeLessThan(200)
  })
})

test('the outline has every node under what it follows, and names what it showed before', () => {
  const nodes = ['a1', 'b2', 'c3', 'd4'].map((id) => nodeOf(id))
  const edges = [edge('a1', 'b2'), edge('a1', 'c3'), edge('b2', 'd4'), edge('c3', 'd4')]
  const rows = outlineOf({ nodes, groups: [], edges })
  expect(rows.map(({ id, depth, again }) => [id, depth, again])).toEqual([
    ['a1', 0, false],
    ['b2', 1, false],
    ['d4', 2, false],
    ['c3', 1, false],
    ['d4', 2, true],
  ])
})
