import './dispatch.css'
import type { ResponseOf } from '@waybill/api'
import { lazy, type ReactNode, Suspense } from 'react'
import { useKeys } from '../../base/keys.ts'
import { useAsk } from '../../base/query.ts'
import { navigate, useSearch } from '../../base/router.tsx'
import { number } from '../../base/text.ts'
import { Empty, Loading, ProblemNotice } from '../../ui/notice.tsx'
import { say } from '../../ui/said.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { neighboursOf } from '../neighbours.ts'
import type { PageProps } from '../page.ts'
import { Header } from './header.tsx'
import { InputOutput } from './io.tsx'
import { Log } from './log.tsx'
import { Timeline } from './timeline.tsx'
import { type History, useHistory } from './use-history.ts'

/** React Flow comes when it is looked at, and not before. */
const GraphTab = lazy(async () => ({ default: (await import('./graph/graph.tsx')).GraphTab }))
const Replay = lazy(async () => ({ default: (await import('./replay.tsx')).Replay }))
const MachineTab = lazy(async () => ({
  default: (await import('./machine/machine.tsx')).MachineTab,
}))

const titles = {
  timeline: 'Timeline',
  graph: 'Graph',
  machine: 'Machine',
  log: 'Log',
  replay: 'Replay',
  io: 'Input & output',
} as const
type TabId = keyof typeof titles
const tabIds = Object.keys(titles) as TabId[] // its own literal's keys

export type Detail = ResponseOf<'dispatch.get'>

export function Dispatch({ params }: PageProps) {
  const id = params['id'] ?? ''
  const answer = useAsk('dispatch.get', { id }, { on: ({ dispatch }) => dispatch === id })
  useNeighbourKeys(answer.data?.dispatch.row.id ?? id)
  const { data, error, at, refetch } = answer
  return (
    <div className="page page-fill">
      {error && <Missing id={id} problem={error} dataAt={at} retry={refetch} />}
      {data === undefined ? (
        !error && <Loading what="dispatch" />
      ) : (
        <Whole key={data.dispatch.row.id} detail={data} />
      )}
    </div>
  )
}

function Missing({
  id,
  problem,
  dataAt,
  retry,
}: {
  readonly id: string
  readonly problem: Parameters<typeof ProblemNotice>[0]['problem']
  readonly dataAt: number | undefined
  readonly retry: () => void
}) {
  if (problem.body.kind !== 'not_found') {
    return <ProblemNotice problem={problem} dataAt={dataAt} retry={retry} />
  }
  return (
    <Empty title="There is no such dispatch">
      <p className="mono">{id}</p>
      <p>It never was, or the journal no longer holds it: retention keeps 60 days by default.</p>
    </Empty>
  )
}

function Whole({ detail }: { readonly detail: Detail }) {
  const { row } = detail.dispatch
  const history = useHistory(row.id)
  const [search, setSearch] = useSearch()
  const chosen = tabIds.find((one) => one === search.get('tab')) ?? 'timeline'
  const choose = (tab: string): void =>
    setSearch({ tab: tab === 'timeline' ? undefined : tab }, { replace: true })
  const tabs = tabIds.map((one) => ({
    id: one,
    title: titles[one],
    ...(one === 'log' && { note: number(row.transitions) }),
  }))
  return (
    <>
      <Header detail={detail} history={history} />
      {history.error && (
        <ProblemNotice problem={history.error} dataAt={history.at} retry={history.reload} />
      )}
      <Tabs tabs={tabs} chosen={chosen} choose={choose} label="views of the dispatch">
        <Suspense fallback={<Loading what={titles[chosen]} />}>
          {contents[chosen](detail, history)}
        </Suspense>
      </Tabs>
    </>
  )
}

const contents: Readonly<Record<TabId, (detail: Detail, history: History) => ReactNode>> = {
  timeline: (detail, history) => <Timeline detail={detail} history={history} />,
  graph: ({ dispatch }) => <GraphTab id={dispatch.row.id} />,
  machine: (_detail, history) => <MachineTab history={history} />,
  log: (detail, history) => <Log id={detail.dispatch.row.id} history={history} />,
  replay: (detail, history) => <Replay id={detail.dispatch.row.id} history={history} />,
  io: (detail, history) => <InputOutput detail={detail} history={history} />,
}

/** `[` and `]` walk through the list that one came from. */
function useNeighbourKeys(id: string): void {
  const go = (to: string | undefined): void => {
    if (to === undefined) say('No further dispatch in the list you came from')
    else navigate(`/dispatches/${to}${location.search}`)
  }
  useKeys([
    { keys: '[', what: 'the dispatch before, in the list', do: () => go(neighboursOf(id).before) },
    { keys: ']', what: 'the next dispatch, in the list', do: () => go(neighboursOf(id).after) },
  ])
}
