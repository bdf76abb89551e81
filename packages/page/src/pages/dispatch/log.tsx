import { toJson } from '@waybill/api'
import { useMemo } from 'react'
import { useSearch } from '../../base/router.tsx'
import { clock, duration, iso } from '../../base/text.ts'
import { CopyButton } from '../../ui/copy.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Json } from '../../ui/json.tsx'
import { Empty, Loading } from '../../ui/notice.tsx'
import { State } from '../../ui/state.tsx'
import { type Column, VirtualTable } from '../../ui/table.tsx'
import { Differences } from './differences.tsx'
import { labelOf, numbersText } from './stretches.ts'
import type { History, Step } from './use-history.ts'

interface Line {
  readonly step: Step
  readonly before: Step | undefined
  /** All that a filter may look for. */
  readonly text: string
}

/** The log itself: each transition, what came in, what it changed, what it asked for. */
export function Log({ id, history }: { readonly id: string; readonly history: History }) {
  const { steps, loading } = history
  const [search, setSearch] = useSearch()
  const wanted = search.get('filter') ?? ''
  const at = search.get('at')
  const lines = useMemo(() => linesOf(steps), [steps])
  const shown = useMemo(() => {
    const text = wanted.toLowerCase()
    return text === '' ? lines : lines.filter((line) => line.text.includes(text))
  }, [lines, wanted])
  const chosen = lines.find(({ step }) => String(step.transition.index) === at)
  return (
    <>
      <div className="page-head">
        <input
          type="search"
          className="wide"
          data-filter=""
          placeholder="filter by event, state, effect, limit, error"
          aria-label="filter the log"
          value={wanted}
          onChange={({ target }) => setSearch({ filter: target.value }, { replace: true })}
        />
        <span className="muted num">
          {wanted === '' ? `${lines.length} transitions` : `${shown.length} of ${lines.length}`}
        </span>
        <span className="push" />
        <button type="button" onClick={() => exportLines(id, steps)}>
          <Icon name="download" size={14} /> NDJSON
        </button>
      </div>
      {lines.length === 0 && (loading ? <Loading what="log" /> : <Empty title="No transitions" />)}
      {lines.length > 0 && (
        <div className="log" data-open={chosen !== undefined}>
          <VirtualTable
            label="transitions"
            rows={shown}
            columns={chosen ? fewColumns : columns}
            keyOf={keyOf}
            current={at ?? undefined}
            onOpen={({ step }) =>
              setSearch({ at: String(step.transition.index) }, { replace: true })
            }
          />
          {chosen && (
            <Entry line={chosen} close={() => setSearch({ at: undefined }, { replace: true })} />
          )}
        </div>
      )}
    </>
  )
}

const keyOf = ({ step }: Line): string => String(step.transition.index)

function linesOf(steps: readonly Step[]): Line[] {
  return steps.map((step, at) => {
    const { transition, effects, gates, input } = step
    const { error, outcome } = transition.record
    const parts = [
      transition.event.type,
      transition.from,
      transition.to,
      input.kind,
      ...transition.via,
      ...effects.map(({ kind }) => kind),
      ...gates.map(({ ledger, result }) => `${ledger} ${result}`),
      error && `${error.class} ${error.name} ${error.message}`,
      outcome && toJson(outcome),
    ]
    return { step, before: steps[at - 1], text: parts.join(' ').toLowerCase() }
  })
}

const columns: readonly Column<Line>[] = [
  {
    id: 'n',
    title: '#',
    width: '2.5rem',
    align: 'right',
    cell: ({ step }) => step.transition.index,
  },
  { id: 'at', title: 'Time', width: '7rem', cell: ({ step }) => clock(step.at) },
  {
    id: 'since',
    title: '+',
    width: '4.5rem',
    align: 'right',
    cell: ({ step, before }) => (
      <span className="muted">{before ? duration(step.at - before.at) : ''}</span>
    ),
  },
  {
    id: 'event',
    title: 'Event',
    width: 'minmax(9rem, 1fr)',
    cell: ({ step }) => step.transition.event.type,
  },
  {
    id: 'state',
    title: 'State',
    width: 'minmax(13rem, 1.3fr)',
    cell: ({ step: { transition } }) => (
      <>
        <span className="muted">{transition.from ?? '·'} → </span>
        <State state={transition.to} plain />
      </>
    ),
  },
  {
    id: 'effects',
    title: 'Asks for',
    width: 'minmax(8rem, 1fr)',
    cell: ({ step }) => step.effects.map(({ kind }) => kind).join(', '),
  },
  {
    id: 'gates',
    title: 'Limits',
    width: 'minmax(10rem, 1.5fr)',
    cell: ({ step }) => (
      <span className="muted">
        {step.gates
          .map(({ ledger, result, reason, numbers }) =>
            [`${labelOf(ledger)}: ${reason ?? result}`, numbersText(numbers)]
              .filter((one) => one !== '')
              .join(', '),
          )
          .join('; ')}
      </span>
    ),
  },
  {
    id: 'seq',
    title: 'Sequence',
    width: '6rem',
    align: 'right',
    cell: ({ step }) => (
      <span className="muted">
        {step.seq}/{step.index}
      </span>
    ),
  },
]

/** Beside an open entry, which tells the rest. */
const fewColumns = columns.filter(({ id }) => ['n', 'at', 'since', 'event', 'state'].includes(id))

function Entry({
  line: { step, before },
  close,
}: {
  readonly line: Line
  readonly close: () => void
}) {
  const { transition, input, effects } = step
  const { index, event, via, record } = transition
  return (
    <aside className="card log-entry" aria-label={`transition ${index}`}>
      <div className="card-head">
        <h2>#{index}</h2>
        <State state={transition.to} plain />
        <span className="push" />
        <CopyButton text={linkTo(index)} what="link to this transition" icon="link" />
        <button type="button" className="icon-button" aria-label="close" onClick={close}>
          <Icon name="close" />
        </button>
      </div>
      <div className="card-body log-entry-body">
        <dl className="facts">
          <dt>at</dt>
          <dd className="num">{iso(step.at)}</dd>
          <dt>taken</dt>
          <dd className="mono">{via.join('  →  ')}</dd>
          <dt>stands in</dt>
          <dd>
            {step.stream} {step.seq}/{step.index}
            <span className="muted">
              {' '}
              bundle {step.bundle}, epoch {step.epoch}
            </span>
          </dd>
          <dt>hash</dt>
          <dd className="mono clip" title={step.hash}>
            {step.hash}
          </dd>
        </dl>
        <h3>What it changed</h3>
        <Differences before={before?.transition.record} after={record} />
        <h3>Event</h3>
        <Json value={event} label="event" />
        <h3>Input</h3>
        <Json value={input} label="input" />
        {effects.length > 0 && <h3>Asks for</h3>}
        {effects.length > 0 && <Json value={effects} label="effects" />}
      </div>
    </aside>
  )
}

function linkTo(index: number): string {
  const url = new URL(location.href)
  url.searchParams.set('tab', 'log')
  url.searchParams.set('at', String(index))
  return url.href
}

/** One line for each transition, as `waybill dispatch log -o ndjson` writes them. */
function exportLines(id: string, steps: readonly Step[]): void {
  const text = steps.map((step) => `${toJson(step)}\n`).join('')
  const url = URL.createObjectURL(new Blob([text], { type: 'application/x-ndjson' }))
  const link = document.createElement('a')
  link.href = url
  link.download = `${id}.ndjson`
  link.click()
  URL.revokeObjectURL(url)
}
