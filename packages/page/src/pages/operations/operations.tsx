import '../ops.css'
import { Heads } from '../../ui/heads.tsx'
import { type Operation, operationsOf } from '@waybill/api'
import { useMemo } from 'react'
import { useAskEach } from '../../base/query.ts'
import { useNow } from '../../base/now.ts'
import { Link, useApp, useSearch } from '../../base/router.tsx'
import { href } from '../../base/route.ts'
import { clip, count, duration, moment, number } from '../../base/text.ts'
import { Age } from '../../ui/age.tsx'
import { AsOf } from '../../ui/as-of.tsx'
import { CopyButton } from '../../ui/copy.tsx'
import { type Fact, Facts } from '../../ui/facts.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Json } from '../../ui/json.tsx'
import { Answer, Empty } from '../../ui/notice.tsx'
import { SearchSelect, SearchField } from '../../ui/search-field.tsx'
import { State } from '../../ui/state.tsx'
import { aboutOf, different, filterOf, fits } from './audit.ts'
import { CancelButton, Progress } from './progress.tsx'

/** The audit that is read at once; the log holds all of it. */
const limit = 500

export function Operations() {
  const app = useApp()
  const [search, setSearch] = useSearch()
  const asked = { limit, ...(app !== undefined && { app }) }
  const answer = useAskEach('op.list', asked, { everyMs: 1500 })
  const all = useMemo(() => operationsOf(answer.data ?? []), [answer.data])
  const filter = filterOf(search)
  const shown = all.filter((one) => fits(filter, one))
  const running = all.filter(({ state }) => state === 'running')
  const chosen = all.find(({ id }) => id === search.get('op'))
  return (
    <div className="page">
      <div className="page-head">
        <h1>Operations</h1>
        <span className="muted">
          {running.length === 0
            ? 'nothing in bulk is going on'
            : `${number(running.length)} going on`}
        </span>
        <span className="push" />
        <AsOf answers={answer.data ?? []} />
      </div>
      {running.map((one) => (
        <Running key={one.id} operation={one} onDone={answer.refetch} />
      ))}
      <Filters all={all} />
      <Answer answer={answer} what="operations">
        {() => (
          <div className="split" data-open={chosen !== undefined}>
            <Audit shown={shown} all={all} chosen={chosen} />
            {chosen && (
              <Detail
                operation={chosen}
                onDone={answer.refetch}
                onClose={() => setSearch({ op: undefined })}
              />
            )}
          </div>
        )}
      </Answer>
    </div>
  )
}

function Running({
  operation,
  onDone,
}: {
  readonly operation: Operation
  readonly onDone: () => void
}) {
  const { id, kind, by, reason, at } = operation
  return (
    <section className="card card-body spread" aria-label={`${kind} going on`}>
      <Link to={href('/operations', { op: id })}>
        <b>{kind}</b>
      </Link>
      <Progress operation={operation} />
      <span className="muted">
        by {by}, <Age at={at} />: {clip(reason, 80)}
      </span>
      <span className="push" />
      <CancelButton operation={operation} onDone={onDone} />
    </section>
  )
}

const options = (first: string, values: readonly string[]) => [
  ['', first] as const,
  ...values.map((one) => [one, one] as const),
]

function Filters({ all }: { readonly all: readonly Operation[] }) {
  return (
    <div className="filter-row">
      <SearchField name="q" label="reason, filter, id" isFilter />
      <SearchSelect
        name="kind"
        label="kind"
        options={options('every kind', different(all.map(({ kind }) => kind)))}
      />
      <SearchSelect
        name="by"
        label="by whom"
        options={options('by anybody', different(all.map(({ by }) => by)))}
      />
      <SearchSelect
        name="state"
        label="result"
        options={options('every result', ['running', 'done', 'cancelled', 'failed', 'interrupted'])}
      />
    </div>
  )
}

function Audit({
  shown,
  all,
  chosen,
}: {
  readonly shown: readonly Operation[]
  readonly all: readonly Operation[]
  readonly chosen: Operation | undefined
}) {
  const now = useNow()
  const [search] = useSearch()
  if (all.length === 0) {
    return (
      <Empty title="Nobody has done anything yet">
        Every command leaves a line here: who, why, on what, and how it ended.
      </Empty>
    )
  }
  if (shown.length === 0) {
    return (
      <Empty title="No operation fits this filter">
        {count(all.length, 'operation')} hidden. <Link to="/operations">Show all of them</Link>
      </Empty>
    )
  }
  const here = (id: string): string => {
    const next = new URLSearchParams(search)
    next.set('op', id)
    return href('/operations', next)
  }
  return (
    <div className="card scroll">
      <table className="plain-table">
        <caption className="unseen">what was done, newest first</caption>
        <Heads titles={['When', 'What', 'On', 'Result', 'By', 'Why']} />
        <tbody>
          {shown.map((one) => (
            <tr key={one.id} data-current={one === chosen}>
              <td className="tight num">{moment(one.at, now)}</td>
              <td className="tight">
                <Link to={here(one.id)}>{one.kind}</Link>
              </td>
              <td className="mono small">{clip(aboutOf(one), 90)}</td>
              <td className="tight">
                {one.total > 1 ? <Progress operation={one} /> : <State state={one.state} />}
              </td>
              <td className="tight">{one.by}</td>
              <td>{clip(one.reason, 90)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {all.length >= limit && (
        <p className="muted card-body">
          The newest {number(limit)}. All of them stand in the log: <code>waybill op ls</code>
        </p>
      )}
    </div>
  )
}

function Detail({
  operation,
  onDone,
  onClose,
}: {
  readonly operation: Operation
  readonly onDone: () => void
  readonly onClose: () => void
}) {
  const { kind, filter } = operation
  const now = useNow()
  return (
    <section className="card" aria-label={`operation ${kind}`}>
      <div className="card-head">
        <h2>{kind}</h2>
        <span className="push" />
        <CancelButton operation={operation} onDone={onDone} />
        <button type="button" className="icon-button" aria-label="close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <div className="card-body detail">
        <Progress operation={operation} />
        <Facts rows={factsOf(operation, now)} />
        <div>
          <h3>it was told to act on</h3>
          <Json value={filter} label="filter" />
        </div>
      </div>
    </section>
  )
}

function factsOf(operation: Operation, now: number): readonly Fact[] {
  const { id, app, by, reason, at, endedAt, note } = operation
  return [
    ['who', by],
    ['why', reason],
    ['app', app],
    [
      'began',
      <>
        {moment(at, now)} (<Age at={at} />)
      </>,
    ],
    ['ended', endedAt !== undefined && `${moment(endedAt, now)}, after ${duration(endedAt - at)}`],
    ['note', note],
    [
      'id',
      <span className="mono small">
        {id} <CopyButton text={id} what="id" />
      </span>,
    ],
  ]
}
