import '../ops.css'
import './bindings.css'
import { Heads } from '../../ui/heads.tsx'
import type { PartitionRow } from '@waybill/api'
import { useState } from 'react'
import type { Answered } from '../../base/query.ts'
import { Link, useApp, useSearch } from '../../base/router.tsx'
import { useMayAct, useSession } from '../../base/session.ts'
import { clip, count, duration, number } from '../../base/text.ts'
import { Age } from '../../ui/age.tsx'
import { AsOf } from '../../ui/as-of.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Answer, Empty, ProblemNotice } from '../../ui/notice.tsx'
import { BindingLink } from '../../ui/reference.tsx'
import { SearchSelect, SearchField } from '../../ui/search-field.tsx'
import { State } from '../../ui/state.tsx'
import { appPause, type Binding, stateOf } from './binding-rows.ts'
import { type Order, PauseDialog } from './pause.tsx'
import { RateCell } from './rates.tsx'
import { useBindings } from './use-bindings.ts'

export function Bindings() {
  const app = useApp()
  const [search] = useSearch()
  const { list, pauses, bindings, partitions, refetch } = useBindings(app)
  const { data: session } = useSession()
  const [order, setOrder] = useState<Order>()
  const mayAct = useMayAct()
  const shown = bindings.filter((one) => fits(one, search))
  const apps = app === undefined ? (session?.apps ?? []) : [app]
  return (
    <div className="page">
      <div className="page-head">
        <h1>Bindings</h1>
        <span className="muted">{list.data && count(bindings.length, 'binding')}</span>
        <span className="push" />
        <AsOf answers={[list.data]} />
        {mayAct && <AppButtons apps={apps} partitions={partitions} onOrder={setOrder} />}
      </div>
      <div className="filter-row">
        <SearchField name="q" label="binding or event type" isFilter />
        <SearchSelect name="state" label="state" options={stateOptions} />
      </div>
      <Unknown pauses={pauses} />
      <Answer answer={list} what="bindings">
        {() =>
          bindings.length === 0 ? (
            <Empty title="No bindings">
              <p>They come with an app:</p>
              <pre>npx waybill deploy --app ./src/app.ts</pre>
            </Empty>
          ) : shown.length === 0 ? (
            <Empty title="No binding fits this filter">
              {count(bindings.length, 'binding')} hidden.{' '}
              <Link to="/bindings">Show all of them</Link>
            </Empty>
          ) : (
            <BindingTable rows={shown} onOrder={mayAct && !pauses.error ? setOrder : undefined} />
          )
        }
      </Answer>
      {order && (
        <PauseDialog
          order={order}
          held={heldOf(bindings, order)}
          onClose={() => {
            setOrder(undefined)
            refetch()
          }}
        />
      )}
    </div>
  )
}

/** Bindings are known from the read store; who leads them is asked what is paused. */
export function Unknown({ pauses }: { readonly pauses: Answered<unknown> }) {
  const { error, at, refetch } = pauses
  return error ? <ProblemNotice problem={error} dataAt={at} retry={refetch} /> : null
}

function AppButtons({
  apps,
  partitions,
  onOrder,
}: {
  readonly apps: readonly string[]
  readonly partitions: readonly PartitionRow[]
  readonly onOrder: (order: Order) => void
}) {
  return apps.map((app) => {
    const deed = appPause(app, partitions) ? 'resume' : 'pause'
    return (
      <button key={app} type="button" onClick={() => onOrder({ deed, app })}>
        <Icon name={deed === 'pause' ? 'pause' : 'play'} size={14} />
        {deed === 'pause' ? 'Pause' : 'Resume'} all of {app} …
      </button>
    )
  })
}

const stateOptions = [
  ['', 'every state'],
  ...['active', 'paused', 'catching up', 'draining', 'retired'].map((one) => [one, one] as const),
] as const

function fits(binding: Binding, search: URLSearchParams): boolean {
  const text = (search.get('q') ?? '').toLowerCase()
  const { id, versions } = binding
  const on = versions[0]?.manifest.on.join(' ') ?? ''
  const state = search.get('state') ?? ''
  return `${id} ${on}`.toLowerCase().includes(text) && (state === '' || stateOf(binding) === state)
}

const heldOf = (bindings: readonly Binding[], { app, binding }: Order): number | undefined =>
  bindings.find((one) => one.app === app && one.id === binding)?.pause?.events

function BindingTable({
  rows,
  onOrder,
}: {
  readonly rows: readonly Binding[]
  readonly onOrder: ((order: Order) => void) | undefined
}) {
  return (
    <div className="card scroll">
      <table className="plain-table">
        <caption className="unseen">bindings</caption>
        <Heads
          titles={['Binding', 'State', 'On', 'Version', 'Open', 'Started in the last hour']}
          right={['Open']}
          actions={onOrder !== undefined}
        />
        <tbody>
          {rows.map((one) => (
            <Row key={`${one.app} ${one.id}`} binding={one} onOrder={onOrder} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({
  binding,
  onOrder,
}: {
  readonly binding: Binding
  readonly onOrder: ((order: Order) => void) | undefined
}) {
  const { app, id, active, versions, open } = binding
  const shown = active ?? versions[0]
  const older = versions.filter((one) => one !== shown && one.open > 0)
  return (
    <tr>
      <td>
        <BindingLink name={id} app={app} />
        <div className="muted small">{app}</div>
      </td>
      <td>
        <State state={stateOf(binding)} />
        <PauseNote binding={binding} />
      </td>
      <td className="mono small">{clip(shown?.manifest.on.join(', ') ?? '', 60)}</td>
      <td className="tight">
        {shown && (
          <>
            v{shown.manifest.version}{' '}
            <span className="muted">
              <Age at={shown.deployedAt} />
            </span>
          </>
        )}
        {older.length > 0 && (
          <div className="muted small">
            {older.map((one) => `v${one.manifest.version}: ${one.open} open`).join(', ')}
          </div>
        )}
      </td>
      <td className="right">{number(open)}</td>
      <td>
        <RateCell app={app} binding={id} />
      </td>
      {onOrder && (
        <td className="tight">
          <OrderButton binding={binding} onOrder={onOrder} />
        </td>
      )}
    </tr>
  )
}

/** Who paused it, why, and what it holds. */
export function PauseNote({ binding: { pause } }: { readonly binding: Binding }) {
  if (!pause) return null
  const { pause: order, events, ageMs } = pause
  return (
    <div className="small muted">
      {order && (
        <>
          {pause.binding === undefined && 'with the whole app, '}
          <Age at={order.since} /> by {order.by}: {order.reason}
          <br />
        </>
      )}
      holds {count(events, 'event')}
      {events > 0 && `, the oldest for ${duration(ageMs)}`}
    </div>
  )
}

export function OrderButton({
  binding: { app, id, active, pause },
  onOrder,
}: {
  readonly binding: Binding
  readonly onOrder: (order: Order) => void
}) {
  if (!active) return null
  const isPaused = pause?.pause !== undefined
  const byApp = isPaused && pause.binding === undefined
  const deed = isPaused ? 'resume' : 'pause'
  return (
    <div className="row-do">
      <button
        type="button"
        disabled={byApp}
        title={byApp ? 'the whole app is paused: resume that' : undefined}
        aria-label={`${deed} ${id}`}
        onClick={() => onOrder({ deed, app, binding: id })}
      >
        {deed === 'pause' ? 'Pause …' : 'Resume …'}
      </button>
    </div>
  )
}
