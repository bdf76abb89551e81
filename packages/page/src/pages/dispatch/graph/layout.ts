/** Boxes of one size in columns, from cause to effect. */
export interface Box {
  readonly id: string
  readonly x: number
  readonly y: number
}

export const nodeSize = { width: 232, height: 64 } as const
const gap = { x: 56, y: 18 } as const

interface Arrow {
  readonly from: string
  readonly to: string
}

/**
 * A column for each step away from the root (the longest way counts), and in each column the order
 * of those they follow, so that lines cross little. Graphs of actions are nearly trees: this draws
 * them as well as a general layout would, in a hundredth of its code.
 */
export function layout(ids: readonly string[], arrows: readonly Arrow[]): Box[] {
  const columns = columnsOf(ids, arrows)
  const before = new Map<string, string[]>()
  for (const { from, to } of arrows) before.set(to, [...(before.get(to) ?? []), from])
  const rows = new Map<string, number>()
  const boxes: Box[] = []
  const byColumn = Map.groupBy(ids, (id) => columns.get(id) ?? 0)
  for (const [column, some] of [...byColumn].sort(([a], [b]) => a - b)) {
    const wished = some.map((id, at) => ({ id, at, wish: wishOf(before.get(id) ?? [], rows) }))
    wished.sort((a, b) => a.wish - b.wish || a.at - b.at)
    for (const [id, row] of spread(wished)) {
      rows.set(id, row)
      boxes.push({
        id,
        x: column * (nodeSize.width + gap.x),
        y: row * (nodeSize.height + gap.y),
      })
    }
  }
  return boxes
}

/** Kahn's order; what stands in a loop, which no graph of actions has, stays in the first column. */
function columnsOf(ids: readonly string[], arrows: readonly Arrow[]): Map<string, number> {
  const others = arrows.filter(({ from, to }) => from !== to)
  const after = Map.groupBy(others, ({ from }) => from)
  const open = new Map(ids.map((id) => [id, 0]))
  for (const { to } of others) open.set(to, countOf(open, to) + 1)
  const ready = ids.filter((id) => open.get(id) === 0)
  const columns = new Map(ready.map((id) => [id, 0]))
  for (const id of ready) {
    for (const { to } of after.get(id) ?? []) {
      columns.set(to, Math.max(countOf(columns, to), countOf(columns, id) + 1))
      open.set(to, countOf(open, to) - 1)
      if (open.get(to) === 0) ready.push(to)
    }
  }
  return columns
}

const countOf = (counts: ReadonlyMap<string, number>, id: string): number => counts.get(id) ?? 0

/** The middle of those it follows. */
function wishOf(parents: readonly string[], rows: ReadonlyMap<string, number>): number {
  const known = parents.flatMap((one) => rows.get(one) ?? [])
  return known.length === 0 ? 0 : known.reduce((sum, row) => sum + row, 0) / known.length
}

/** As near to the wishes as can be, a row apart from each other, the block centred on its wish. */
function spread(wished: readonly { readonly id: string; readonly wish: number }[]) {
  const placed: [string, number][] = []
  for (const block of blocksOf(wished)) {
    for (const [at, { id }] of block.members.entries()) placed.push([id, block.from + at])
  }
  return placed
}

interface Block {
  readonly members: readonly { readonly id: string; readonly wish: number }[]
  readonly from: number
}

function blocksOf(wished: readonly { readonly id: string; readonly wish: number }[]): Block[] {
  const blocks: Block[] = []
  for (const one of wished) {
    let block = blockOf([one])
    for (let last = blocks.at(-1); last && last.from + last.members.length > block.from;) {
      blocks.pop()
      block = blockOf([...last.members, ...block.members])
      last = blocks.at(-1)
    }
    blocks.push(block)
  }
  return blocks
}

function blockOf(members: Block['members']): Block {
  const middle = members.reduce((sum, { wish }, at) => sum + wish - at, 0) / members.length
  return { members, from: middle }
}
