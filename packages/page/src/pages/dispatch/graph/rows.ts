import type { Group, Node, Seen } from './tree.ts'

export interface OutlineRow {
  readonly key: string
  readonly id: string
  readonly depth: number
  readonly node?: Node | undefined
  readonly group?: Group | undefined
  /** The kind of the edge that led here. */
  readonly by: string
  /** It was shown further up, with what follows it. */
  readonly again: boolean
}

/** As a tree, in the order of the log; what was shown before is named, not repeated. */
export function outlineOf({ nodes, groups, edges }: Seen): OutlineRow[] {
  const nodeById = new Map(nodes.map((one) => [one.id, one]))
  const groupById = new Map(groups.map((one) => [one.id, one]))
  const after = Map.groupBy(edges, ({ from }) => from)
  const isReached = new Set(edges.map(({ to }) => to))
  const rows: OutlineRow[] = []
  const shown = new Set<string>()
  const roots = [...nodeById.keys(), ...groupById.keys()].filter((id) => !isReached.has(id))
  // A stack instead of recursion: a chain of thousands is no reason to fall over.
  const open = roots.map((id) => ({ id, depth: 0, by: '' })).reverse()
  for (let one = open.pop(); one; one = open.pop()) {
    const { id } = one
    const again = shown.has(id)
    const key = `${rows.length} ${id}`
    rows.push({ ...one, key, node: nodeById.get(id), group: groupById.get(id), again })
    if (again) continue
    shown.add(id)
    const next = (after.get(id) ?? []).map(({ to, kind }) => ({
      id: to,
      depth: one.depth + 1,
      by: kind,
    }))
    open.push(...next.reverse())
  }
  return rows
}
