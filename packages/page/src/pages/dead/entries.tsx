import type { DeadLetter } from '@waybill/api'
import { type ReactNode, useEffect, useState } from 'react'
import { ask } from '../../base/api.ts'
import { type Paged, type PageOf, usePaged } from '../../base/paged.ts'
import { Link, useApp, useSearch } from '../../base/router.tsx'
import { useMayAct } from '../../base/session.ts'
import { count, number, shortId } from '../../base/text.ts'
import { useLive } from '../../live/live.ts'
import { Age } from '../../ui/age.tsx'
import { AsOf } from '../../ui/as-of.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Empty, Loading, ProblemNotice } from '../../ui/notice.tsx'
import { State } from '../../ui/state.tsx'
import { type Column, type Selection, VirtualTable } from '../../ui/table.tsx'
import { commandFilter, type DeadFilter, filterText, statusOf } from './filter.ts'
import type { Deed, Target } from './redrive.tsx'

const pageSize = 200

/** The dead letters themselves, newest first. */
export function Entries({
  filter,
  onDo,
}: {
  readonly filter: DeadFilter
  readonly onDo: (deed: Deed, target: Target) => void
}) {
  const [search] = useSearch()
  const app = useApp()
  const status = statusOf(search)
  const { list, loadMore, reload } = usePaged<DeadLetter>({
    key: JSON.stringify([filter, app, status]),
    keyOf,
    read: (cursor, signal) => readPage({ filter, app, status }, cursor, signal),
  })
  const [chosen, setChosen] = useState<ReadonlyMap<string, DeadLetter>>(new Map())
  const fresh = useFresh(filter, app, list.at)
  const rows = list.rows.all
  const selection: Selection = {
    has: (id) => chosen.has(id),
    toggle: (id) => setChosen((before) => turned(before, rows, id)),
  }
  return (
    <>
      <div className="spread">
        <span className="muted num">
          {number(rows.length)}
          {list.next === undefined ? '' : ' loaded, more below'}
        </span>
        {fresh > 0 && (
          <button type="button" className="fresh" onClick={reload}>
            {number(fresh)} new
          </button>
        )}
        <span className="push" />
        <AsOf answers={[list]} />
      </div>
      {list.error && <ProblemNotice problem={list.error} dataAt={list.at} retry={reload} />}
      <List list={list} loadMore={loadMore} selection={selection}>
        <None filter={filter} status={status ?? 'all'} />
      </List>
      {chosen.size > 0 && (
        <ChosenBar chosen={chosen} onDo={onDo} clear={() => setChosen(new Map())} />
      )}
    </>
  )
}

/** Rows never move under the cursor: how many came since the list was read. */
function useFresh(filter: DeadFilter, app: string | undefined, at: number | undefined): number {
  const [fresh, setFresh] = useState(0)
  useEffect(() => setFresh(0), [at])
  useLive(({ steps }) => {
    const dead = steps.filter((step) => step.to === 'dlq' && isMeant(filter, app, step)).length
    if (dead > 0) setFresh((before) => before + dead)
  })
  return fresh
}

function List({
  list: { rows, next, loading, error },
  loadMore,
  selection,
  children,
}: {
  readonly list: Paged<DeadLetter>
  readonly loadMore: () => void
  readonly selection: Selection
  /** In place of a list without rows. */
  readonly children: ReactNode
}) {
  const mayAct = useMayAct()
  if (rows.all.length === 0) {
    if (loading) return <Loading what="dead letters" rows={12} />
    return error ? null : children
  }
  return (
    <VirtualTable
      label="dead letters"
      rows={rows.all}
      columns={columns}
      keyOf={keyOf}
      hrefOf={({ id }) => `/dead/${id}`}
      onEnd={next === undefined ? undefined : loadMore}
      total={next === undefined ? rows.all.length : -1}
      {...(mayAct && { selection })}
    />
  )
}

const keyOf = ({ id }: DeadLetter): string => id

interface Looked {
  readonly filter: DeadFilter
  readonly app: string | undefined
  readonly status: DeadLetter['status'] | undefined
}

async function readPage(
  { filter, app, status }: Looked,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<PageOf<DeadLetter>> {
  const asked = {
    ...commandFilter(filter, Date.now()),
    limit: pageSize,
    ...(app !== undefined && { app }),
    ...(status !== undefined && { status }),
    ...(cursor !== undefined && { cursor }),
  }
  const { entries, next, asOf } = await ask('dlq.list', asked, signal)
  return { rows: entries, next, asOf }
}

const isMeant = (
  filter: DeadFilter,
  app: string | undefined,
  step: { readonly app: string; readonly binding: string },
): boolean =>
  (app === undefined || step.app === app) &&
  (filter.binding === undefined ||
    step.binding === filter.binding ||
    step.binding.startsWith(`${filter.binding}@`))

function turned(
  before: ReadonlyMap<string, DeadLetter>,
  rows: readonly DeadLetter[],
  id: string,
): ReadonlyMap<string, DeadLetter> {
  const next = new Map(before)
  const row = rows.find((one) => one.id === id)
  if (!next.delete(id) && row) next.set(id, row)
  return next
}

/** Those of several apps are told to each of them: one at a time. */
function ChosenBar({
  chosen,
  onDo,
  clear,
}: {
  readonly chosen: ReadonlyMap<string, DeadLetter>
  readonly onDo: (deed: Deed, target: Target) => void
  readonly clear: () => void
}) {
  const byApp = [...Map.groupBy(chosen.values(), ({ app }) => app)]
  return (
    <div className="bulk" role="region" aria-label="selected">
      <b>{count(chosen.size, 'selected', 'selected')}</b>
      <span className="push" />
      {byApp.map(([app, rows]) => {
        const ids = rows.map(({ id }) => id)
        const of = byApp.length === 1 ? '' : ` of ${app}`
        return (
          <span key={app} className="spread">
            <button type="button" onClick={() => onDo('redrive', { app, ids })}>
              <Icon name="undo" size={14} /> Redrive {ids.length + of} …
            </button>
            <button type="button" onClick={() => onDo('discard', { app, ids })}>
              Discard {ids.length + of} …
            </button>
          </span>
        )
      })}
      <button type="button" className="quiet" onClick={clear}>
        Clear
      </button>
    </div>
  )
}

const columns: readonly Column<DeadLetter>[] = [
  {
    id: 'id',
    title: 'Dead letter',
    width: '8.5rem',
    cell: ({ id }) => (
      <Link to={`/dead/${id}`} className="mono" tabIndex={-1}>
        {shortId(id)}
      </Link>
    ),
  },
  { id: 'binding', title: 'Binding', width: 'minmax(8rem, 1fr)', cell: ({ binding }) => binding },
  {
    id: 'status',
    title: 'Status',
    width: '7.5rem',
    cell: ({ status }) => <State state={status} plain />,
  },
  { id: 'reason', title: 'Reason', width: 'minmax(8rem, 0.8fr)', cell: ({ reason }) => reason },
  {
    id: 'error',
    title: 'Error',
    width: 'minmax(14rem, 3fr)',
    cell: ({ error }) => (
      <span title={error?.message}>
        {error ? `${error.name}: ${error.message}` : <span className="muted">none</span>}
      </span>
    ),
  },
  {
    id: 'attempts',
    title: 'Tries',
    width: '3rem',
    align: 'right',
    cell: ({ attempts }) => attempts,
  },
  {
    id: 'at',
    title: 'Died',
    width: '6rem',
    align: 'right',
    cell: ({ deadAt }) => <Age at={deadAt} />,
  },
]

function None({ filter, status }: { readonly filter: DeadFilter; readonly status: string }) {
  const isAll = Object.keys(filter).length === 0 && status === 'all'
  if (isAll) return <Empty title="No dead letters">Nothing has given up so far.</Empty>
  return (
    <Empty title={`No dead letter fits: ${status}, ${filterText(filter)}`}>
      <Link to="/dead?view=entries&status=all">Show all of them, whatever became of them</Link>
    </Empty>
  )
}
