import { useMemo } from 'react'
import { Link } from '../../../base/router.tsx'
import { number } from '../../../base/text.ts'
import { Icon } from '../../../ui/icon.tsx'
import { State } from '../../../ui/state.tsx'
import { type Column, VirtualTable } from '../../../ui/table.tsx'
import { navigate } from '../../../base/router.tsx'
import type { GraphProps } from './graph.tsx'
import { outlineOf, type OutlineRow } from './rows.ts'
import { headsOf, hrefOf, kindIcons, outcomeOf, statusesText } from './words.ts'

/** The graph as an indented list: for keyboards, screen readers, and graphs too large to be a picture. */
export function Outline({ seen, path, hits, unfold }: GraphProps) {
  const rows = useMemo(() => outlineOf(seen), [seen])
  const shown = hits ? rows.filter(({ id }) => hits.has(id)) : rows
  const columns = useMemo(() => columnsOf(path, unfold), [path, unfold])
  return (
    <VirtualTable
      label="action graph"
      rows={shown}
      columns={columns}
      keyOf={({ key }) => key}
      onOpen={({ node, group }) => {
        const to = node && hrefOf(node)
        if (group) unfold(group.id)
        else if (to !== undefined) navigate(to)
      }}
    />
  )
}

const columnsOf = (
  path: GraphProps['path'],
  unfold: GraphProps['unfold'],
): readonly Column<OutlineRow>[] => [
  {
    id: 'label',
    title: 'What',
    width: 'minmax(20rem, 3fr)',
    cell: ({ id, depth, node, group, again }) => (
      <span
        className="outline-label"
        data-path={path.has(id)}
        style={{ paddingInlineStart: `${depth * 1.1}rem` }}
      >
        <span className="unseen">level {depth + 1}, </span>
        <Icon name={kindIcons[node?.kind ?? group?.kind ?? 'step']} size={14} />
        {node && <NodeName node={node} />}
        {group && (
          <>
            <b>{number(headsOf(group))} ×</b> {group.label}
            <button type="button" className="quiet" tabIndex={-1} onClick={() => unfold(group.id)}>
              unfold
            </button>
          </>
        )}
        {again && <span className="muted small">(above)</span>}
      </span>
    ),
  },
  {
    id: 'state',
    title: 'State',
    width: 'minmax(9rem, 1fr)',
    cell: ({ node, group }) =>
      node ? <State state={node.status} plain /> : group ? statusesText(group) : '',
  },
  {
    id: 'outcome',
    title: 'Outcome',
    width: 'minmax(9rem, 1fr)',
    cell: ({ node }) => <span className="muted">{node ? outcomeOf(node) : ''}</span>,
  },
  {
    id: 'by',
    title: 'By',
    width: '9rem',
    cell: ({ by }) => <span className="muted">{by.replaceAll('_', ' ')}</span>,
  },
  {
    id: 'seq',
    title: 'Sequence',
    width: '5rem',
    align: 'right',
    cell: ({ node, group }) => <span className="muted">{node?.seq ?? group?.seq}</span>,
  },
]

function NodeName({ node }: { readonly node: NonNullable<OutlineRow['node']> }) {
  const to = hrefOf(node)
  if (to === undefined) return <span className="clip">{node.label}</span>
  return (
    <Link to={to} className="clip" tabIndex={-1}>
      {node.label}
    </Link>
  )
}
