import '../ops.css'
import './bindings.css'
import { Heads } from '../../ui/heads.tsx'
import { lazy, Suspense, useState } from 'react'
import { useAsk } from '../../base/query.ts'
import { Link, setSearch, useApp, useSearch } from '../../base/router.tsx'
import { href } from '../../base/route.ts'
import { useMayAct } from '../../base/session.ts'
import { count, number, shortId } from '../../base/text.ts'
import { Age } from '../../ui/age.tsx'
import { AsOf } from '../../ui/as-of.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Answer, Empty, Loading } from '../../ui/notice.tsx'
import { State } from '../../ui/state.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import type { PageProps } from '../page.ts'
import { type Binding, stateOf, type Version } from './binding-rows.ts'
import { OrderButton, PauseNote, Unknown } from './bindings.tsx'
import { type Order, PauseDialog } from './pause.tsx'
import { RateFacts } from './rates.tsx'
import { Settings } from './settings.tsx'
import { useBindings } from './use-bindings.ts'

/** Its form needs the library that checks by schema: it comes when somebody wants to send. */
const SendTest = lazy(async () => ({ default: (await import('./send.tsx')).SendTest }))

const tabs = [
  { id: 'settings', title: 'Settings' },
  { id: 'versions', title: 'Versions' },
  { id: 'send', title: 'Send test event' },
]

export function BindingPage({ params }: PageProps) {
  const { id = '' } = params
  const app = useApp()
  const { list, pauses, bindings, refetch } = useBindings(app, id)
  const [search] = useSearch()
  const [order, setOrder] = useState<Order>()
  const [binding, ...others] = bindings
  const version = binding && versionOf(binding, Number(search.get('version')))
  return (
    <div className="page">
      <Unknown pauses={pauses} />
      <Answer answer={list} what="the binding">
        {(data) =>
          binding === undefined || version === undefined ? (
            <Missing id={id} app={app} />
          ) : (
            <>
              <Head binding={binding} onOrder={setOrder} asOf={data.asOf} />
              {others.length > 0 && <OtherApps bindings={others} />}
              <About binding={binding} version={version} tab={search.get('tab')} />
            </>
          )
        }
      </Answer>
      {order && (
        <PauseDialog
          order={order}
          held={binding?.pause?.events}
          onClose={() => {
            setOrder(undefined)
            refetch()
          }}
        />
      )}
    </div>
  )
}

/** The one that is asked for; else what new events start. */
const versionOf = ({ versions, active }: Binding, wanted: number): Version | undefined =>
  versions.find(({ manifest }) => manifest.version === wanted) ?? active ?? versions[0]

function About({
  binding,
  version,
  tab,
}: {
  readonly binding: Binding
  readonly version: Version
  readonly tab: string | null
}) {
  const chosen = tabs.find(({ id }) => id === tab)?.id ?? 'settings'
  return (
    <Tabs
      tabs={tabs}
      chosen={chosen}
      choose={(to) => setSearch({ tab: to === 'settings' ? undefined : to })}
      label="about the binding"
    >
      {chosen === 'settings' && <Overview binding={binding} version={version} />}
      {chosen === 'versions' && <Versions binding={binding} shown={version} />}
      {chosen === 'send' && (
        <Suspense fallback={<Loading what="the form" />}>
          <SendTest app={binding.app} on={version.manifest.on} />
        </Suspense>
      )}
    </Tabs>
  )
}

const Missing = ({ id, app }: { readonly id: string; readonly app: string | undefined }) => (
  <Empty title={`No binding ${id}${app === undefined ? '' : ` in ${app}`}`}>
    It was never deployed, or under another name. <Link to="/bindings">All bindings</Link>
  </Empty>
)

function Head({
  binding,
  onOrder,
  asOf,
}: {
  readonly binding: Binding
  readonly onOrder: (order: Order) => void
  readonly asOf: Readonly<Record<string, number>>
}) {
  const { id, app, open } = binding
  const mayAct = useMayAct()
  return (
    <>
      <div className="page-head">
        <Link to="/bindings" aria-label="all bindings">
          <Icon name="left" />
        </Link>
        <h1>{id}</h1>
        <State state={stateOf(binding)} />
        <span className="muted">{app}</span>
        <Link to={href('/dispatches', { binding: id, app })}>
          {count(open, 'open dispatch', 'open dispatches')}
        </Link>
        <span className="push" />
        <AsOf answers={[{ asOf }]} />
        {mayAct && <OrderButton binding={binding} onOrder={onOrder} />}
      </div>
      <PauseNote binding={binding} />
    </>
  )
}

/** Two apps may have bindings of one name. */
const OtherApps = ({ bindings }: { readonly bindings: readonly Binding[] }) => (
  <p className="muted">
    Also in{' '}
    {bindings.map(({ app, id }) => (
      <Link key={app} to={href(`/bindings/${encodeURIComponent(id)}`, { app })}>
        {app}
      </Link>
    ))}
  </p>
)

function Overview({
  binding: { app, id },
  version,
}: {
  readonly binding: Binding
  readonly version: Version
}) {
  return (
    <>
      <RateFacts app={app} binding={id} />
      <div className="binding-columns">
        <Settings version={version} />
        <Failures app={app} binding={id} />
      </div>
    </>
  )
}

const failuresMax = 8

function Failures({ app, binding }: { readonly app: string; readonly binding: string }) {
  const answer = useAsk(
    'dispatch.list',
    { app, binding, state: ['failed', 'dlq'], limit: failuresMax },
    {
      on: ({ to, binding: of }) => (to === 'failed' || to === 'dlq') && of.startsWith(binding),
    },
  )
  return (
    <section className="card" aria-labelledby="failures">
      <div className="card-head">
        <h2 id="failures">Last failures</h2>
        <span className="push" />
        <Link to={href('/dispatches', { app, binding, state: 'failed,dlq' })}>all</Link>
      </div>
      <Answer answer={answer} what="failures">
        {({ dispatches }) =>
          dispatches.length === 0 ? (
            <p className="card-body muted">None that is kept.</p>
          ) : (
            <table className="plain-table">
              <caption className="unseen">last failures</caption>
              <tbody>
                {dispatches.map((row) => (
                  <tr key={row.id}>
                    <td className="tight">
                      <Link to={`/dispatches/${row.id}`} className="mono">
                        {shortId(row.id)}
                      </Link>
                      <div>
                        <State state={row.state} plain />
                      </div>
                    </td>
                    <td>
                      {row.error ? `${row.error.name}: ${row.error.message.slice(0, 160)}` : ''}
                    </td>
                    <td className="tight muted">
                      <Age at={row.at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Answer>
    </section>
  )
}

function Versions({
  binding: { id, versions, app },
  shown,
}: {
  readonly binding: Binding
  readonly shown: Version
}) {
  return (
    <>
      <div className="card scroll">
        <table className="plain-table">
          <caption className="unseen">versions, newest first</caption>
          <Heads titles={['Version', 'State', 'Deployed', 'Open', 'Definition']} right={['Open']} />
          <tbody>
            {versions.map((one) => (
              <tr key={one.key} data-current={one === shown}>
                <td>
                  <Link
                    to={href(`/bindings/${encodeURIComponent(id)}`, {
                      tab: 'versions',
                      app,
                      version: String(one.manifest.version),
                    })}
                  >
                    {one.key}
                  </Link>
                </td>
                <td className="tight">
                  <State state={one.state} />
                </td>
                <td className="tight">
                  <Age at={one.deployedAt} />
                </td>
                <td className="right">
                  {one.open === 0 ? (
                    0
                  ) : (
                    <Link to={href('/dispatches', { app, binding: one.key })}>
                      {number(one.open)}
                    </Link>
                  )}
                </td>
                <td className="mono small muted">{one.manifest.hash}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Settings version={shown} />
    </>
  )
}
