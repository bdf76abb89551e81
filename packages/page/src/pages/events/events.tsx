import './events.css'
import type { RequestOf, ResponseOf } from '@waybill/api'
import { useEffect, useMemo, useState } from 'react'
import { ask } from '../../base/api.ts'
import { type Paged, type PageOf, usePaged } from '../../base/paged.ts'
import { Link, useApp, useSearch } from '../../base/router.tsx'
import { number, parseDuration, shortId } from '../../base/text.ts'
import { useLive } from '../../live/live.ts'
import { Age } from '../../ui/age.tsx'
import { Empty, Loading, ProblemNotice } from '../../ui/notice.tsx'
import { State } from '../../ui/state.tsx'
import { type Column, VirtualTable } from '../../ui/table.tsx'
import { Filters } from './filters.tsx'

type EventRow = ResponseOf<'event.list'>['events'][number]
type Request = Omit<RequestOf<'event.list'>, 'limit' | 'cursor'>

const pageSize = 100

/** What came in, and what each binding said of it: the place to ask why nothing ran. */
export function Events() {
  const [search] = useSearch()
  const app = useApp()
  const request = useMemo(() => requestOf(search, app), [search.toString(), app])
  const { list, loadMore, reload } = usePaged<EventRow>({
    key: JSON.stringify(request),
    keyOf,
    read: (cursor, signal) => readPage(request, cursor, signal),
  })
  const fresh = useFresh(list.at)
  const { rows, error, at, next } = list
  return (
    <div className="page page-fill">
      <div className="page-head">
        <h1>Events</h1>
        <span className="muted num">
          {number(rows.all.length)}
          {next === undefined ? '' : ' loaded, more below'}
        </span>
        {fresh > 0 && (
          <button type="button" className="fresh" onClick={reload}>
            {number(fresh)} new
          </button>
        )}
      </div>
      <Filters />
      {error && <ProblemNotice problem={error} dataAt={at} retry={reload} />}
      <List list={list} loadMore={loadMore} isFiltered={Object.keys(request).length > 0} />
    </div>
  )
}

function List({
  list: { rows, next, loading, error },
  loadMore,
  isFiltered,
}: {
  readonly list: Paged<EventRow>
  readonly loadMore: () => void
  readonly isFiltered: boolean
}) {
  if (rows.all.length === 0) {
    if (loading) return <Loading what="events" rows={14} />
    return error ? null : <Nothing isFiltered={isFiltered} />
  }
  return (
    <VirtualTable
      label="events"
      rows={rows.all}
      columns={columns}
      keyOf={keyOf}
      hrefOf={({ id }) => `/events/${id}`}
      onEnd={next === undefined ? undefined : loadMore}
      total={next === undefined ? rows.all.length : -1}
    />
  )
}

/** One row for each event and app. */
const keyOf = ({ id, app }: EventRow): string => `${id} ${app}`

function requestOf(search: URLSearchParams, app: string | undefined): Request {
  const since = parseDuration(search.get('since') ?? '')
  const texts = {
    type: search.get('type'),
    text: search.get('q'),
    source: search.get('source'),
    app,
  }
  return {
    ...Object.fromEntries(Object.entries(texts).filter(([, value]) => value)),
    ...(since !== undefined && { since: Date.now() - since }),
  }
}

async function readPage(
  request: Request,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<PageOf<EventRow>> {
  const asked = { ...request, limit: pageSize, ...(cursor !== undefined && { cursor }) }
  const { events, next, asOf } = await ask('event.list', asked, signal)
  return { rows: events, next, asOf }
}

/** Events are told of by what they start: dispatches that began since the list was read. */
function useFresh(since: number | undefined): number {
  const [fresh, setFresh] = useState(0)
  useEffect(() => setFresh(0), [since])
  useLive(({ steps }) => {
    const began = steps.filter(({ from }) => from === null).length
    if (began > 0) setFresh((now) => now + began)
  })
  return fresh
}

const columns: readonly Column<EventRow>[] = [
  {
    id: 'id',
    title: 'Event',
    width: '8.5rem',
    cell: ({ id }) => (
      <Link to={`/events/${id}`} className="mono" tabIndex={-1}>
        {shortId(id)}
      </Link>
    ),
  },
  { id: 'type', title: 'Type', width: 'minmax(12rem, 1.5fr)', cell: ({ type }) => type },
  {
    id: 'subject',
    title: 'Subject',
    width: 'minmax(9rem, 1fr)',
    cell: ({ subject, source }) => (
      <>
        {subject} <span className="muted">{source}</span>
      </>
    ),
  },
  {
    id: 'verdicts',
    title: 'Bindings said',
    width: 'minmax(14rem, 1.6fr)',
    // Each app has a row of its own for an event; without its name they look like doubles.
    cell: ({ app, verdicts, duplicates }) => (
      <>
        <Counts
          counts={{ ...verdicts, ...(duplicates > 0 && { duplicate: duplicates }) }}
          none="none matched"
        />{' '}
        <span className="muted">{app}</span>
      </>
    ),
  },
  {
    id: 'states',
    title: 'Dispatches',
    width: 'minmax(12rem, 1.2fr)',
    cell: ({ states }) => <Counts counts={states} none="" />,
  },
  {
    id: 'at',
    title: 'Came',
    width: '6rem',
    align: 'right',
    cell: ({ receivedAt }) => <Age at={receivedAt} />,
  },
]

/** Each with its icon and word; the number where there is more than one. */
function Counts({
  counts,
  none,
}: {
  readonly counts: Readonly<Record<string, number>>
  readonly none: string
}) {
  const some = Object.entries(counts).filter(([, many]) => many > 0)
  if (some.length === 0) return <span className="muted">{none}</span>
  return (
    <span className="counts">
      {some.map(([name, many]) => (
        <span key={name}>
          <State state={name} plain />
          {many > 1 && <span className="muted num"> {many}</span>}
        </span>
      ))}
    </span>
  )
}

function Nothing({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <Empty title="No event fits this filter">
        <Link to="/events">Show all of them</Link>
      </Empty>
    )
  }
  return (
    <Empty title="No events yet">
      <p>Webhooks, CloudEvents, NATS messages and `waybill send` bring them.</p>
      <pre>npx waybill send &lt;type&gt; '&lt;json&gt;'</pre>
    </Empty>
  )
}
