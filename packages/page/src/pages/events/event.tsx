import './events.css'
import type { ResponseOf } from '@waybill/api'
import { useAsk } from '../../base/query.ts'
import { Link, useApp } from '../../base/router.tsx'
import { iso, shortId } from '../../base/text.ts'
import { CopyButton } from '../../ui/copy.tsx'
import { Json } from '../../ui/json.tsx'
import { Age } from '../../ui/age.tsx'
import { Answer, Empty } from '../../ui/notice.tsx'
import { State } from '../../ui/state.tsx'
import type { PageProps } from '../page.ts'

/** Nobody vouches for what is unsigned; that is no fault, and nothing to tick off either. */
const signatureLooks = { verified: 'ok', unsigned: 'unsigned', failed: 'fail' } as const

/** An event, and why each binding did or did not take it. */
export function Event({ params }: PageProps) {
  const id = params['id'] ?? ''
  const app = useApp()
  // What an event started is known by its dispatches, whose ids end in another hash: ask again.
  const on = ({ from }: { readonly from: string | null }): boolean => from === null
  const event = useAsk('event.get', { id }, { everyMs: 3000 })
  const explained = useAsk('event.explain', { id, ...(app !== undefined && { app }) }, { on })
  return (
    <div className="page">
      <Answer answer={event} what="event">
        {({ event: one, dispatches }) => (
          <>
            <div className="page-head">
              <h1 className="mono" title={one.id}>
                {shortId(one.id)}
              </h1>
              <CopyButton text={one.id} what="id" />
              <b>{one.type}</b>
              <State state={signatureLooks[one.signature.state]} text={one.signature.state} plain />
            </div>
            <Facts event={one} />
            <Answer answer={explained} what="verdicts">
              {({ verdicts }) => <Verdicts verdicts={verdicts} />}
            </Answer>
            <Started dispatches={dispatches} />
            <Payload event={one} />
          </>
        )}
      </Answer>
    </div>
  )
}

type StoredEvent = ResponseOf<'event.get'>['event']

function Facts({ event }: { readonly event: StoredEvent }) {
  const facts: readonly (readonly [string, React.ReactNode])[] = [
    ['source', event.source],
    ['subject', event.subject],
    ['came', <Age key="came" at={event.receivedAt} />],
    [
      'of',
      <span key="of" className="num">
        {iso(event.time)}
      </span>,
    ],
    ['tenant', event.tenant === 'default' ? undefined : event.tenant],
    ['partition key', event.partitionKey],
    ['dedupe key', event.dedupeKey],
    ['depth', event.chain.depth === 0 ? undefined : event.chain.depth],
    ['caused by', event.chain.parent && <Parent key="parent" id={event.chain.parent} />],
  ]
  return (
    <dl className="fact-line">
      {facts.map(([name, value]) =>
        value === undefined ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  )
}

const Parent = ({ id }: { readonly id: string }) => (
  <Link to={`/dispatches/${id}`} className="mono">
    {shortId(id)}
  </Link>
)

type Verdict = ResponseOf<'event.explain'>['verdicts'][number]

/** Those that matched first, then those that nearly did; other types last. */
const order: readonly Verdict['verdict'][] = [
  'matched',
  'asked',
  'predicate_error',
  'refused',
  'paused',
  'duplicate',
  'filtered',
  'not_read',
  'before_deploy',
  'type_mismatch',
]

function Verdicts({ verdicts }: { readonly verdicts: readonly Verdict[] }) {
  const sorted = verdicts.toSorted(
    (a, b) =>
      order.indexOf(a.verdict) - order.indexOf(b.verdict) || (a.binding < b.binding ? -1 : 1),
  )
  return (
    <section className="card" aria-labelledby="verdicts">
      <div className="card-head">
        <h2 id="verdicts">What each binding said</h2>
      </div>
      {sorted.length === 0 ? (
        <Empty title="No binding is deployed that could have taken it" />
      ) : (
        <table className="plain-table">
          <thead>
            <tr>
              <th scope="col">Binding</th>
              <th scope="col">Verdict</th>
              <th scope="col">Because</th>
              <th scope="col">Dispatch</th>
            </tr>
          </thead>
          <tbody>
            {sorted.map((one) => (
              <tr key={`${one.app} ${one.binding}`}>
                <td>
                  {one.binding} <span className="muted">{one.app}</span>
                </td>
                <td>
                  <State state={one.verdict} plain />
                </td>
                <td className="muted">{one.reason}</td>
                <td>{one.dispatch !== undefined && <Parent id={one.dispatch} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function Started({ dispatches }: { readonly dispatches: ResponseOf<'event.get'>['dispatches'] }) {
  return (
    <section className="card" aria-labelledby="started">
      <div className="card-head">
        <h2 id="started">Dispatches</h2>
      </div>
      {dispatches.length === 0 ? (
        <p className="card-body muted">It started none.</p>
      ) : (
        <table className="plain-table">
          <thead>
            <tr>
              <th scope="col">Dispatch</th>
              <th scope="col">Binding</th>
              <th scope="col">State</th>
              <th scope="col" className="right">
                Attempts
              </th>
              <th scope="col">Error</th>
              <th scope="col">Moved</th>
            </tr>
          </thead>
          <tbody>
            {dispatches.map(({ id, binding, state, attempt, error, at }) => (
              <tr key={id}>
                <td>
                  <Parent id={id} />
                </td>
                <td>{binding}</td>
                <td>
                  <State state={state} plain />
                </td>
                <td className="right">{attempt}</td>
                <td className="muted">{error && `${error.name}: ${error.message}`}</td>
                <td>
                  <Age at={at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

function Payload({ event }: { readonly event: StoredEvent }) {
  const { data, ...envelope } = event
  return (
    <div className="event-parts">
      <section className="card" aria-label="data">
        <div className="card-head">
          <h2>Data</h2>
        </div>
        <div className="card-body">
          <Json value={data} label="data" />
        </div>
      </section>
      <section className="card" aria-label="envelope">
        <div className="card-head">
          <h2>Envelope</h2>
        </div>
        <div className="card-body">
          <Json value={envelope} label="envelope" />
        </div>
      </section>
    </div>
  )
}
