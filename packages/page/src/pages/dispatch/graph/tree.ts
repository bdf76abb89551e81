import type { ResponseOf } from '@waybill/api'

export type Graph = ResponseOf<'dispatch.graph'>
export type Node = Graph['nodes'][number]
export type Edge = Graph['edges'][number]

/** Nodes that were put together, because they differ in nothing that one would look at first. */
export interface Group {
  readonly id: string
  readonly label: string
  readonly kind: Node['kind']
  /** All that it hides, themselves and what follows them. */
  readonly members: readonly string[]
  /** The members' own status: `completed` 309, `failed` 3. */
  readonly statuses: ReadonlyMap<string, number>
  readonly seq: number
}

export interface Seen {
  readonly nodes: readonly Node[]
  readonly groups: readonly Group[]
  readonly edges: readonly Edge[]
}

const bad: ReadonlySet<string> = new Set(['failed', 'pending', 'refused', 'deferred'])
const active: ReadonlySet<string> = new Set([
  'running',
  'waiting',
  'asking',
  'scheduled',
  'suspended',
  'parked',
])

/** From so many alike on they are folded. */
const foldFrom = 4
/** So few that failed or are under way stay to be seen. */
const shownBadMax = 3

/** Folds fan-out: what follows one node and looks alike becomes one, unless it was unfolded. */
export function folded(graph: Graph, unfolded: ReadonlySet<string>): Seen {
  const links = linksOf(graph)
  const byId = new Map(graph.nodes.map((one) => [one.id, one]))
  const hidden = new Map<string, string>()
  const groups: Group[] = []
  for (const { id } of graph.nodes) {
    for (const group of groupsAfter(id, links, byId)) {
      if (unfolded.has(group.id) || group.members.some((one) => hidden.has(one))) continue
      groups.push(group)
      for (const member of group.members) hidden.set(member, group.id)
    }
  }
  const edges = new Map<string, Edge>()
  for (const { from, to, kind } of graph.edges) {
    const [a, b] = [hidden.get(from) ?? from, hidden.get(to) ?? to]
    if (a !== b) edges.set(`${a} ${b} ${kind}`, { from: a, to: b, kind })
  }
  return {
    nodes: graph.nodes.filter(({ id }) => !hidden.has(id)),
    groups,
    edges: [...edges.values()],
  }
}

type Links = { readonly after: Map<string, string[]>; readonly before: Map<string, string[]> }

function linksOf({ edges }: Pick<Graph, 'edges'>): Links {
  const after = new Map<string, string[]>()
  const before = new Map<string, string[]>()
  for (const { from, to } of edges) {
    if (from === to) continue
    after.set(from, [...(after.get(from) ?? []), to])
    before.set(to, [...(before.get(to) ?? []), from])
  }
  return { after, before }
}

function groupsAfter(
  id: string,
  { after, before }: Links,
  byId: ReadonlyMap<string, Node>,
): Group[] {
  const children = (after.get(id) ?? []).filter((one) => before.get(one)?.length === 1)
  if (children.length < foldFrom) return []
  const alike = Map.groupBy(children, (one) => likeness(byId.get(one)))
  return [...alike].flatMap(([label, some]) => {
    const loud = some.filter((one) => isLoud(below(one, after), byId))
    const quiet = loud.length <= shownBadMax ? some.filter((one) => !loud.includes(one)) : some
    if (quiet.length < foldFrom) return []
    return [groupOf(`fold:${id}:${label}`, label, quiet, after, byId)]
  })
}

function groupOf(
  id: string,
  label: string,
  heads: readonly string[],
  after: Links['after'],
  byId: ReadonlyMap<string, Node>,
): Group {
  const members = heads.flatMap((one) => below(one, after))
  const statuses = new Map<string, number>()
  for (const head of heads) {
    const status = endOf(below(head, after), byId)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  const kind = byId.get(heads[0] ?? '')?.kind ?? 'dispatch'
  const seq = Math.max(...members.map((one) => byId.get(one)?.seq ?? 0))
  return { id, label, kind, members, statuses, seq }
}

/** A name without what tells one from the other: numbers, and ids behind colons. */
const likeness = (node: Node | undefined): string =>
  node === undefined ? '' : `${node.label.replaceAll(/[0-9a-f]{8,}|\d+/g, '…')}`

/** It and all that follows, in order; a loop ends where it began. */
function below(id: string, after: Links['after']): string[] {
  const found = new Set([id])
  for (const one of found) for (const next of after.get(one) ?? []) found.add(next)
  return [...found]
}

const isLoud = (ids: readonly string[], byId: ReadonlyMap<string, Node>): boolean => {
  const last = endOf(ids, byId)
  return bad.has(last) || active.has(last)
}

/** How it came out: the status of the last that happened among them. */
function endOf(ids: readonly string[], byId: ReadonlyMap<string, Node>): string {
  const nodes = ids.flatMap((id) => byId.get(id) ?? [])
  return (
    nodes.reduce<Node | undefined>(
      (last, one) => (last === undefined || one.seq >= last.seq ? one : last),
      undefined,
    )?.status ?? ''
  )
}

/**
 * What one wants to see first: the way to what failed, else to what is under way, else to the end.
 * Ids from the root on.
 */
export function focusPath(graph: Pick<Graph, 'nodes' | 'edges'>): string[] {
  const { after, before } = linksOf(graph)
  const ranked = graph.nodes
    .map((one) => ({ one, rank: rankOf(one, after) }))
    .sort((a, b) => b.rank - a.rank || b.one.seq - a.one.seq)
  const target = ranked[0]?.one.id
  if (target === undefined) return []
  const path = [target]
  const seen = new Set(path)
  for (let at = before.get(target)?.[0]; at !== undefined && !seen.has(at);) {
    path.unshift(at)
    seen.add(at)
    at = before.get(at)?.[0]
  }
  return path
}

/** An attempt that failed and was tried again is not where it ended. */
function rankOf({ id, status }: Node, after: Links['after']): number {
  const isEnd = (after.get(id)?.length ?? 0) === 0
  if (bad.has(status) && isEnd) return 3
  if (active.has(status)) return 2
  return isEnd ? 1 : 0
}
