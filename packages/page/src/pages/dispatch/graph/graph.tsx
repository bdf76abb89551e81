import { type ReactNode, useMemo, useState } from 'react'
import { useAsk } from '../../../base/query.ts'
import { useSearch } from '../../../base/router.tsx'
import { count } from '../../../base/text.ts'
import { Answer, Empty } from '../../../ui/notice.tsx'
import { Canvas } from './canvas.tsx'
import { Outline } from './outline.tsx'
import { folded, focusPath, type Graph, type Seen } from './tree.ts'

/** More than this many boxes are a picture of dots; the outline is read. */
const canvasMax = 150

export function GraphTab({ id }: { readonly id: string }) {
  const [search, setSearch] = useSearch()
  const scope = search.get('scope') === 'chain' ? 'chain' : 'dispatch'
  const answer = useAsk(
    'dispatch.graph',
    { id, scope },
    // Follow-ups have ids that nobody knows before they are there.
    { on: ({ dispatch }) => dispatch === id || scope === 'chain' },
  )
  return (
    <Answer answer={answer} what="graph">
      {(graph) => (
        <GraphView key={scope} graph={graph}>
          <Choice
            label="scope"
            values={{ dispatch: 'This dispatch', chain: 'The whole chain' }}
            chosen={scope}
            choose={(one) =>
              setSearch({ scope: one === 'chain' ? one : undefined }, { replace: true })
            }
          />
        </GraphView>
      )}
    </Answer>
  )
}

function Choice({
  label,
  values,
  chosen,
  choose,
}: {
  readonly label: string
  readonly values: Readonly<Record<string, string>>
  readonly chosen: string
  readonly choose: (value: string) => void
}) {
  return (
    <div className="choice" role="group" aria-label={label}>
      {Object.entries(values).map(([value, text]) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === chosen}
          onClick={() => choose(value)}
        >
          {text}
        </button>
      ))}
    </div>
  )
}

/** A picture and its twin in words; who has the one can have the other. */
function GraphView({ graph, children }: { readonly graph: Graph; readonly children: ReactNode }) {
  const [search, setSearch] = useSearch()
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set())
  const [sought, setSought] = useState('')
  const seen = useMemo(() => folded(graph, unfolded), [graph, unfolded])
  const path = useMemo(() => new Set(focusPath(graph)), [graph])
  const boxes = seen.nodes.length + seen.groups.length
  const view = search.get('view') ?? (boxes > canvasMax ? 'outline' : 'picture')
  if (graph.nodes.length === 0)
    return <Empty title="Nothing to draw: the journal has no step of it" />
  const unfold = (id: string): void => setUnfolded((before) => new Set([...before, id]))
  const hits = hitsOf(seen, sought)
  return (
    <>
      <div className="page-head">
        {children}
        <Choice
          label="view"
          values={{ picture: 'Picture', outline: 'Outline' }}
          chosen={view}
          choose={(one) => setSearch({ view: one }, { replace: true })}
        />
        <input
          type="search"
          data-filter=""
          placeholder="find a node"
          aria-label="find a node"
          value={sought}
          onChange={({ target }) => setSought(target.value)}
        />
        <span className="muted">
          {count(graph.nodes.length, 'node')}
          {seen.groups.length > 0 && `, ${count(seen.groups.length, 'group')} folded`}
          {hits && `, ${hits.size} found`}
        </span>
        {unfolded.size > 0 && (
          <button type="button" className="quiet" onClick={() => setUnfolded(new Set())}>
            Fold again
          </button>
        )}
      </div>
      {view === 'outline' ? (
        <Outline seen={seen} path={path} hits={hits} unfold={unfold} />
      ) : (
        <Canvas seen={seen} path={path} hits={hits} unfold={unfold} />
      )}
    </>
  )
}

export interface GraphProps {
  readonly seen: Seen
  /** What one wants to see first. */
  readonly path: ReadonlySet<string>
  readonly hits: ReadonlySet<string> | undefined
  readonly unfold: (id: string) => void
}

function hitsOf({ nodes, groups }: Seen, sought: string): ReadonlySet<string> | undefined {
  const text = sought.trim().toLowerCase()
  if (text === '') return undefined
  const all = [...nodes, ...groups]
  return new Set(
    all
      .filter(({ id, label }) => `${label} ${id}`.toLowerCase().includes(text))
      .map(({ id }) => id),
  )
}
