/** Rule 13, as far as this path goes: approvals, agents and the like come with theirs. */
export type NodeKind =
  | 'trigger'
  | 'predicate'
  | 'gate'
  | 'circuit'
  | 'dispatch'
  | 'retry'
  | 'wait'
  | 'dlq'
  | 'skip'
  | 'cancel'
export type EdgeKind =
  | 'trigger_dispatch'
  | 'predicate_gate'
  | 'flow_gate'
  | 'retry'
  | 'dlq_move'
  | 'replay_chain'
  | 'redrive'
  | 'batch_member'
  | 'caused'

export interface GraphNode {
  /** Holds the dispatch's id, so a rerun never overwrites its original; a trigger the event's. */
  readonly id: string
  readonly kind: NodeKind
  readonly label: string
  readonly status: string
  readonly outcome?: string
  readonly metadata: Readonly<Record<string, unknown>>
  /** Journal sequence at which it last changed; 0: known by name only. */
  readonly seq: number
}
export interface GraphEdge {
  readonly from: string
  readonly to: string
  readonly kind: EdgeKind
}
export interface ActionGraph {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
}

/** Where a graph comes together: nodes by id, edges once. */
export interface Canvas {
  put(node: GraphNode): void
  /** Only where there is none yet. */
  offer(node: GraphNode): void
  change(id: string, changes: Partial<Omit<GraphNode, 'id' | 'kind'>>): void
  edge(from: string, to: string, kind: EdgeKind): void
  has(id: string): boolean
  hasEdgeTo(id: string, kind: EdgeKind): boolean
  graph(): ActionGraph
}

export function createCanvas(): Canvas {
  const nodes = new Map<string, GraphNode>()
  const edges = new Map<string, GraphEdge>()
  return {
    put: (node) => void nodes.set(node.id, node),
    offer(node) {
      if (!nodes.has(node.id)) nodes.set(node.id, node)
    },
    change(id, changes) {
      const node = nodes.get(id)
      if (!node) return
      const metadata = { ...node.metadata, ...changes.metadata }
      nodes.set(id, { ...node, ...changes, metadata })
    },
    edge: (from, to, kind) => void edges.set(`${from} ${kind} ${to}`, { from, to, kind }),
    has: (id) => nodes.has(id),
    hasEdgeTo: (id, kind) => edges.values().some((edge) => edge.to === id && edge.kind === kind),
    graph: () => ({
      nodes: [...nodes.values()],
      // A journal that lost its beginning knows of edges from what it no longer shows.
      edges: [...edges.values()].filter(({ from, to }) => nodes.has(from) && nodes.has(to)),
    }),
  }
}
