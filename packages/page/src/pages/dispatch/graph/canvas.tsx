import '@xyflow/react/dist/style.css'
import './graph.css'
import {
  Background,
  BackgroundVariant,
  Controls,
  type Edge as FlowEdge,
  Handle,
  MiniMap,
  type Node as FlowNode,
  type NodeProps,
  Position,
  ReactFlow,
  type ReactFlowInstance,
} from '@xyflow/react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { Link } from '../../../base/router.tsx'
import { useSettings } from '../../../base/settings.ts'
import { count } from '../../../base/text.ts'
import { Icon } from '../../../ui/icon.tsx'
import { lookOf, State } from '../../../ui/state.tsx'
import type { GraphProps } from './graph.tsx'
import { layout, nodeSize } from './layout.ts'
import type { Group, Node, Seen } from './tree.ts'
import { headsOf, hrefOf, kindIcons, outcomeOf, statusesText } from './words.ts'

type Shown = FlowNode<{
  readonly node?: Node
  readonly group?: Group
  readonly hit: boolean
  readonly onPath: boolean
  readonly unfold: (id: string) => void
}>

/** Text is readable from here on. */
const readableZoom = 0.8

/** @param follow moves along when the path grows: for pictures of one moment after the other */
export function Canvas({
  seen,
  path,
  hits,
  unfold,
  follow = false,
}: GraphProps & { readonly follow?: boolean }) {
  const { theme } = useSettings()
  const nodes = useMemo(() => nodesOf(seen, path, hits, unfold), [seen, path, hits])
  const edges = useMemo(() => edgesOf(seen, path), [seen, path])
  const [flow, setFlow] = useState<ReactFlowInstance<Shown>>()
  const shown = useRef(false)
  const holder = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!flow || (shown.current && !follow) || nodes.length === 0) return
    shown.current = true
    void open(flow, nodes, holder.current)
  }, [flow, nodes, follow])
  useEffect(() => {
    const found = nodes.filter(({ data }) => data.hit)
    if (flow && found.length > 0) void flow.fitView({ nodes: found, maxZoom: 1, duration: 200 })
  }, [flow, hits])
  return (
    <div ref={holder} className="card graph">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        onInit={setFlow}
        colorMode={theme}
        minZoom={0.1}
        maxZoom={1.5}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        onlyRenderVisibleElements={nodes.length > 80}
        proOptions={{ hideAttribution: true }}
      >
        <Background variant={BackgroundVariant.Dots} gap={20} size={1} />
        <Controls showInteractive={false} />
        {nodes.length > 12 && <MiniMap pannable zoomable ariaLabel="the whole graph, small" />}
      </ReactFlow>
    </div>
  )
}

/**
 * Fitted to the window, a large graph is unreadable whatever its layout. So it opens on what
 * failed or is under way, at a size at which one can read, and the rest is a drag away.
 */
async function open(
  flow: ReactFlowInstance<Shown>,
  nodes: readonly Shown[],
  holder: HTMLElement | null,
): Promise<void> {
  const path = nodes.filter(({ data }) => data.onPath)
  const wanted = path.length > 0 ? path : nodes
  const last = wanted.at(-1)
  if (!last || !holder) return
  const { width, height } = holder.getBoundingClientRect()
  const [left, right] = [minOf(wanted, 'x'), maxOf(wanted, 'x') + nodeSize.width]
  const [top, bottom] = [minOf(wanted, 'y'), maxOf(wanted, 'y') + nodeSize.height]
  const zoom = Math.min(1, (width - 80) / (right - left), (height - 80) / (bottom - top))
  if (zoom >= readableZoom) {
    await flow.setCenter((left + right) / 2, (top + bottom) / 2, { zoom })
    return
  }
  // The end of the way stands right of the middle: what led there is left of it.
  const x = last.position.x + nodeSize.width / 2 - width / readableZoom / 2 + nodeSize.width
  await flow.setCenter(x, last.position.y + nodeSize.height / 2, { zoom: readableZoom })
}

const minOf = (nodes: readonly Shown[], axis: 'x' | 'y'): number =>
  Math.min(...nodes.map(({ position }) => position[axis]))
const maxOf = (nodes: readonly Shown[], axis: 'x' | 'y'): number =>
  Math.max(...nodes.map(({ position }) => position[axis]))

function nodesOf(
  { nodes, groups, edges }: Seen,
  path: GraphProps['path'],
  hits: GraphProps['hits'],
  unfold: GraphProps['unfold'],
): Shown[] {
  const nodeById = new Map(nodes.map((one) => [one.id, one]))
  const groupById = new Map(groups.map((one) => [one.id, one]))
  const boxes = layout([...nodeById.keys(), ...groupById.keys()], edges)
  return boxes.map(({ id, x, y }) => {
    const [node, group] = [nodeById.get(id), groupById.get(id)]
    return {
      id,
      type: 'box',
      position: { x, y },
      width: nodeSize.width,
      height: nodeSize.height,
      ariaLabel: node ? labelOf(node) : group ? `${group.label}: ${statusesText(group)}` : id,
      data: {
        ...(node && { node }),
        ...(group && { group }),
        hit: hits?.has(id) ?? false,
        onPath: path.has(id),
        unfold,
      },
    }
  })
}

const labelOf = (node: Node): string =>
  [`${node.kind} ${node.label}`, node.status, outcomeOf(node)]
    .filter((one) => one !== '')
    .join(', ')

const edgesOf = ({ edges }: Seen, path: GraphProps['path']): FlowEdge[] =>
  edges.map(({ from, to, kind }) => ({
    id: `${from} ${to} ${kind}`,
    source: from,
    target: to,
    className: path.has(from) && path.has(to) ? `edge edge-path edge-${kind}` : `edge edge-${kind}`,
    ...(named.has(kind) && { label: kind.replace('_', ' ') }),
  }))

/** The others say nothing that the boxes do not. */
const named: ReadonlySet<string> = new Set(['caused', 'redrive', 'replay_chain', 'batch_member'])

function Box({ data }: NodeProps<Shown>) {
  const { node, group, hit, onPath, unfold } = data
  const tone = node ? lookOf(node.status).tone : 'quiet'
  return (
    <div
      className="graph-box"
      data-tone={tone}
      data-hit={hit}
      data-path={onPath}
      data-group={group !== undefined}
    >
      <Handle type="target" position={Position.Left} isConnectable={false} />
      {node && <One node={node} />}
      {group && <Many group={group} unfold={unfold} />}
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  )
}

function One({ node }: { readonly node: Node }) {
  const to = hrefOf(node)
  const outcome = outcomeOf(node)
  return (
    <>
      <div className="graph-label" title={node.label}>
        <Icon name={kindIcons[node.kind]} size={14} />
        {to === undefined ? (
          <span>{node.label}</span>
        ) : (
          <Link to={to} tabIndex={-1}>
            {node.label}
          </Link>
        )}
      </div>
      <div className="graph-status">
        <State state={node.status} plain />
        {outcome !== '' && <span className="muted clip">{outcome}</span>}
        <span className="push muted num">{node.seq > 0 ? node.seq : ''}</span>
      </div>
    </>
  )
}

function Many({ group, unfold }: { readonly group: Group; readonly unfold: (id: string) => void }) {
  return (
    <>
      <div className="graph-label" title={group.label}>
        <Icon name={kindIcons[group.kind]} size={14} />
        <span>
          <b>{headsOf(group)} ×</b> {group.label}
        </span>
      </div>
      <div className="graph-status">
        <span className="muted clip">{statusesText(group)}</span>
        <button
          type="button"
          className="quiet push"
          title={`unfold ${count(group.members.length, 'node')}`}
          onClick={() => unfold(group.id)}
        >
          unfold
        </button>
      </div>
    </>
  )
}

const nodeTypes = { box: Box }
