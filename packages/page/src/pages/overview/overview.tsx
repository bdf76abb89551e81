import './overview.css'
import { useMemo } from 'react'
import { useAsk, useAskEach } from '../../base/query.ts'
import { Link, useApp } from '../../base/router.tsx'
import { number } from '../../base/text.ts'
import { useNow } from '../../base/now.ts'
import { Age } from '../../ui/age.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Answer, Empty, Loading, ProblemNotice } from '../../ui/notice.tsx'
import { dispatchStates, lookOf, openStates } from '../../ui/state.tsx'
import { type Attention, attentionOf } from './attention.ts'
import { Rates } from './rates.tsx'

export function Overview() {
  return (
    <div className="page">
      <h1 className="unseen">Overview</h1>
      <NeedsAttention />
      <States />
      <Rates />
    </div>
  )
}

/** Things that no transition tells of are looked at again this often. */
const lookMs = 5_000
const hourMs = 3_600_000

function NeedsAttention() {
  const app = useApp()
  const mine = app === undefined ? {} : { app }
  const now = useNow()
  const hour = Math.floor((now - hourMs) / 60_000) * 60_000
  const groups = useAsk('dlq.groups', { ...mine, limit: 20 }, { on: toDead, everyMs: lookMs })
  const circuits = useAskEach('circuit.list', mine, { everyMs: lookMs })
  const partitions = useAskEach('partition.status', mine, { everyMs: lookMs })
  const projections = useAskEach('projection.status', {}, { everyMs: lookMs })
  const health = useAskEach('service.health', {}, { everyMs: lookMs })
  const waiting = useAsk('dispatch.count', { ...mine, state: [...stuckStates], until: hour })
  const all = [groups, circuits, partitions, projections, health, waiting]
  const list = attentionOf(
    {
      groups: groups.data?.groups,
      circuits: circuits.data,
      partitions: partitions.data,
      projections: projections.data,
      health: health.data,
      waiting: waiting.data,
    },
    now,
  )
  const failed = all.find(({ error }) => error !== undefined)
  const isKnown = all.every(({ data }) => data !== undefined)
  return (
    <section className="card" aria-labelledby="attention">
      <div className="card-head">
        <h2 id="attention">Needs attention</h2>
        {list.length > 0 && <span className="muted num">{number(list.length)}</span>}
      </div>
      {failed?.error && (
        <ProblemNotice problem={failed.error} dataAt={failed.at} retry={failed.refetch} />
      )}
      <AttentionList list={list} isKnown={isKnown} isFailed={failed !== undefined} />
    </section>
  )
}

const stuckStates = ['flowGated', 'retryWait', 'waiting'] as const
const toDead = ({ to }: { readonly to: string }): boolean => to === 'dlq'

function AttentionList({
  list,
  isKnown,
  isFailed,
}: {
  readonly list: readonly Attention[]
  readonly isKnown: boolean
  readonly isFailed: boolean
}) {
  if (list.length === 0) {
    if (isFailed) return null
    if (!isKnown) return <Loading what="what needs attention" rows={2} />
    return (
      <p className="attention-none">
        <span className="state state-plain" data-tone="done">
          <Icon name="check" size={14} />
        </span>
        Nothing. No dead letters, no open circuits, nothing halted, paused or behind.
      </p>
    )
  }
  return (
    <ul className="attention">
      {list.map(({ key, icon, tone, title, why, at, href }) => (
        <li key={key} data-tone={tone}>
          <Icon name={icon} />
          <Link to={href}>{title}</Link>
          <span className="muted clip" title={why}>
            {why}
          </span>
          <span className="muted num">{at !== undefined && <Age at={at} />}</span>
        </li>
      ))}
    </ul>
  )
}

/** How many there are of each, open ones apart from ended ones. */
function States() {
  const app = useApp()
  const answer = useAsk('stats.states', app === undefined ? {} : { app }, {
    on: () => true,
    everyMs: lookMs,
  })
  const shown = useMemo(() => dispatchStates, [])
  return (
    <section aria-labelledby="states">
      <h2 id="states" className="unseen">
        Dispatches by state
      </h2>
      <Answer answer={answer} what="states">
        {({ states }) => (
          <div className="tiles">
            {shown.map((state) => (
              <Tile key={state} state={state} many={states[state] ?? 0} />
            ))}
          </div>
        )}
      </Answer>
      {answer.data && Object.values(answer.data.states).every((many) => many === 0) && <FirstRun />}
    </section>
  )
}

function Tile({
  state,
  many,
}: {
  readonly state: (typeof dispatchStates)[number]
  readonly many: number
}) {
  const { icon, tone } = lookOf(state)
  return (
    <Link
      to={`/dispatches?state=${state}`}
      className="tile"
      data-tone={tone}
      data-none={many === 0}
      data-open={openStates.includes(state)}
    >
      <span className="tile-name">
        <Icon name={icon} size={14} /> {state}
      </span>
      <span className="tile-count">{number(many)}</span>
    </Link>
  )
}

const FirstRun = () => (
  <Empty title="Nothing has happened yet">
    <p>Send an event, and watch it become a dispatch here:</p>
    <pre>npx waybill send &lt;type&gt; '&lt;json&gt;' --watch</pre>
    <p>
      Or use the form of a <Link to="/bindings">binding</Link>.
    </p>
  </Empty>
)
