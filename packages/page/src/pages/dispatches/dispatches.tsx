import './dispatches.css'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { Link, useApp, useSearch } from '../../base/router.tsx'
import { useMayAct } from '../../base/session.ts'
import { count, number, shortId } from '../../base/text.ts'
import type { LiveStep } from '../../live/conflate.ts'
import { Age } from '../../ui/age.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Empty, Loading, ProblemNotice } from '../../ui/notice.tsx'
import { State } from '../../ui/state.tsx'
import { type Column, VirtualTable } from '../../ui/table.tsx'
import { setNeighbours } from '../neighbours.ts'
import { type BulkDeed, BulkDialog, meant } from './bulk.tsx'
import { FilterBar } from './filter-bar.tsx'
import { type DispatchFilter, filterOf, filterText, fits, isFiltered, requestOf } from './filter.ts'
import { detailOf, keyOf, type Row, whyOf } from './rows.ts'
import { useSelection } from './selection.ts'
import { type DispatchList, useList } from './use-list.ts'

export function Dispatches() {
  const [search] = useSearch()
  const app = useApp()
  const at = search.toString()
  const filter = useMemo(() => filterOf(search), [at])
  // "The last hour" is the hour before the filter was chosen: a list whose end moves is none.
  const request = useMemo(() => requestOf(filter, app, Date.now()), [filter, app])
  const judge = useCallback((step: LiveStep) => fits(filter, app, step), [filter, app])
  const shown = useList(request, judge)
  const { list, reload } = shown
  useEffect(() => setNeighbours(list.rows.all.map(({ id }) => id)), [list.rows])
  const { chosens, selection, clear, chooseAll } = useSelection(list.rows, request)
  const [deed, setDeed] = useState<BulkDeed>()
  const mayAct = useMayAct()
  const chosen = useMemo(() => [...chosens.all.values()], [chosens.all])
  return (
    <div className="page page-fill">
      <div className="page-head">
        <h1>Dispatches</h1>
        <Summary shown={shown} />
      </div>
      <FilterBar filter={filter} />
      {list.error && <ProblemNotice problem={list.error} dataAt={list.at} retry={reload} />}
      <List shown={shown} filter={filter} selection={mayAct ? selection : undefined} />
      {chosen.length > 0 && (
        <div className="bulk" role="region" aria-label="selected">
          <b>{count(chosen.length, 'selected', 'selected')}</b>
          {chosens.reading !== undefined && <span className="muted">reading the filter …</span>}
          {!chosens.byFilter && (
            <button type="button" className="quiet" onClick={chooseAll}>
              Select all that fit: {filterText(filter, app)}
            </button>
          )}
          <span className="push" />
          <BulkButtons chosen={chosen} busy={chosens.reading !== undefined} choose={setDeed} />
          <button type="button" className="quiet" onClick={clear}>
            Clear
          </button>
        </div>
      )}
      {deed && (
        <BulkDialog
          deed={deed}
          chosen={chosen}
          filter={chosens.byFilter ? filterText(filter, app) : undefined}
          chosenAt={chosens.at}
          onClose={(done) => {
            setDeed(undefined)
            if (done) clear()
          }}
        />
      )}
    </div>
  )
}

function BulkButtons({
  chosen,
  busy,
  choose,
}: {
  readonly chosen: Parameters<typeof meant>[1]
  readonly busy: boolean
  readonly choose: (deed: BulkDeed) => void
}) {
  const dead = meant('redrive', chosen).length
  const open = meant('cancel', chosen).length
  return (
    <>
      {dead > 0 && (
        <button type="button" disabled={busy} onClick={() => choose('redrive')}>
          <Icon name="undo" size={14} /> Redrive {number(dead)} …
        </button>
      )}
      <button type="button" disabled={busy || open === 0} onClick={() => choose('cancel')}>
        <Icon name="stop" size={14} /> Cancel {number(open)} …
      </button>
    </>
  )
}

function Summary({ shown }: { readonly shown: DispatchList }) {
  const { fresh, reload } = shown
  const { rows, next, asOf } = shown.list
  const [seq] = Object.values(asOf)
  return (
    <>
      <span className="muted num" aria-live="off">
        {number(rows.all.length)}
        {next === undefined ? '' : ' loaded, more below'}
        {seq === undefined ? '' : ` · as of ${number(seq)}`}
      </span>
      {fresh.size > 0 && (
        <button type="button" className="fresh" onClick={reload}>
          {number(fresh.size)} new
        </button>
      )}
    </>
  )
}

function List({
  shown,
  filter,
  selection,
}: {
  readonly shown: DispatchList
  readonly filter: DispatchFilter
  readonly selection: Parameters<typeof VirtualTable<Row>>[0]['selection']
}) {
  const { rows, loading, next, error } = shown.list
  if (rows.all.length === 0) {
    if (loading) return <Loading what="dispatches" rows={14} />
    return error ? null : <Nothing filter={filter} />
  }
  return (
    <VirtualTable
      label="dispatches"
      rows={rows.all}
      columns={columns}
      keyOf={keyOf}
      hrefOf={hrefOf}
      classOf={classOf}
      onEnd={next === undefined ? undefined : shown.loadMore}
      total={next === undefined ? rows.all.length : -1}
      {...(selection && { selection })}
    />
  )
}

const hrefOf = ({ id }: Row): string => `/dispatches/${id}`
const classOf = ({ gone }: Row): string | undefined => (gone ? 'row-gone' : undefined)

const columns: readonly Column<Row>[] = [
  {
    id: 'id',
    title: 'Dispatch',
    width: '8.5rem',
    cell: ({ id }) => (
      <Link to={`/dispatches/${id}`} className="mono" tabIndex={-1}>
        {shortId(id)}
      </Link>
    ),
  },
  { id: 'binding', title: 'Binding', width: 'minmax(8rem, 1.1fr)', cell: ({ binding }) => binding },
  {
    id: 'state',
    title: 'State',
    width: 'minmax(13rem, 1fr)',
    cell: (row) => <State state={row.state} detail={detailOf(row)} />,
  },
  {
    id: 'attempt',
    title: 'Try',
    width: '2.2rem',
    align: 'right',
    cell: ({ attempt }) => (attempt === 0 ? '' : attempt),
  },
  {
    id: 'type',
    title: 'Event',
    width: 'minmax(9rem, 1.2fr)',
    cell: ({ type }) => <span className="muted">{type}</span>,
  },
  {
    id: 'subject',
    title: 'Subject · key',
    width: 'minmax(7rem, 1fr)',
    cell: ({ subject, key }) => [subject, key].filter((one) => one !== undefined).join(' · '),
  },
  { id: 'at', title: 'Moved', width: '6rem', align: 'right', cell: ({ at }) => <Age at={at} /> },
  {
    id: 'why',
    title: 'Why',
    width: 'minmax(10rem, 2fr)',
    cell: (row) => (
      <span className="muted" title={whyOf(row)}>
        {whyOf(row)}
      </span>
    ),
  },
]

function Nothing({ filter }: { readonly filter: DispatchFilter }) {
  const app = useApp()
  if (isFiltered(filter)) {
    return (
      <Empty title="No dispatch fits this filter">
        <p>{filterText(filter, app)}</p>
        <Link to="/dispatches">Show all of them</Link>
      </Empty>
    )
  }
  return (
    <Empty title="No dispatches yet">
      <p>Every event that a binding matches starts one. Send one from a terminal:</p>
      <pre>npx waybill send order.placed '{'{"id": "A1"}'}' --watch</pre>
    </Empty>
  )
}
