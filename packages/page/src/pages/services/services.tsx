import '../ops.css'
import { Heads } from '../../ui/heads.tsx'
import { useAsk, useAskEach } from '../../base/query.ts'
import { count, number } from '../../base/text.ts'
import { Age } from '../../ui/age.tsx'
import { AsOf } from '../../ui/as-of.tsx'
import { Answer, Empty } from '../../ui/notice.tsx'
import { State } from '../../ui/state.tsx'
import { Partitions } from './partitions.tsx'
import {
  bytesText,
  type Health,
  instancesOf,
  type ProjectionAnswer,
  type Stream,
} from './instances.ts'

const everyMs = 2000

export function Services() {
  const health = useAskEach('service.health', {}, { everyMs })
  const projections = useAskEach('projection.status', {}, { everyMs })
  const streams = useAsk('stream.list', {}, { everyMs: 5000 })
  const instances = instancesOf(health.data ?? [])
  const bad = instances.filter(({ ready, checks }) => !ready || checks.some(({ ok }) => !ok))
  return (
    <div className="page">
      <div className="page-head">
        <h1>Services</h1>
        <span className="muted">
          {health.data &&
            `${count(instances.length, 'instance')}, ${bad.length === 0 ? 'all can do their work' : `${number(bad.length)} cannot do all of its work`}`}
        </span>
        <span className="push" />
        <AsOf answers={health.data ?? []} />
      </div>
      <section className="card scroll" aria-labelledby="instances">
        <div className="card-head">
          <h2 id="instances">Instances</h2>
        </div>
        <Answer answer={health} what="instances">
          {() => <Instances rows={instances} />}
        </Answer>
      </section>
      <Partitions />
      <section className="card scroll" aria-labelledby="projections">
        <div className="card-head">
          <h2 id="projections">Projections</h2>
          <span className="push" />
          <AsOf answers={projections.data ?? []} />
        </div>
        <Answer answer={projections} what="projections">
          {(answers) => <Projections answers={answers} />}
        </Answer>
      </section>
      <section className="card scroll" aria-labelledby="streams">
        <div className="card-head">
          <h2 id="streams">Streams</h2>
          <span className="push" />
          <AsOf answers={[streams.data]} />
        </div>
        <Answer answer={streams} what="streams">
          {(data) => <Streams streams={data.streams} />}
        </Answer>
      </section>
    </div>
  )
}

function Instances({ rows }: { readonly rows: readonly Health[] }) {
  return (
    <table className="plain-table">
      <caption className="unseen">instances with their checks</caption>
      <Heads titles={['Service', 'Instance', 'State', 'Checks', 'Version', 'Runs since']} />
      <tbody>
        {rows.map(({ service, instance, version, startedAt, ready, checks }) => (
          <tr key={`${service} ${instance}`}>
            <td>{service}</td>
            <td className="mono">{instance}</td>
            <td className="tight">
              <State state={ready ? 'ready' : 'not ready'} />
            </td>
            <td>
              <span className="spread">
                {checks.map(({ name, ok, why }) => (
                  <State
                    key={name}
                    state={ok ? 'ok' : 'fail'}
                    detail={checkText(name, why)}
                    plain
                  />
                ))}
              </span>
            </td>
            <td className="tight num">{version}</td>
            <td className="tight">
              <Age at={startedAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

const checkText = (name: string, why: string | undefined): string =>
  why === undefined ? name : `${name}, ${why}`

function Projections({ answers }: { readonly answers: readonly ProjectionAnswer[] }) {
  if (answers.length === 0) return <Empty title="No projector answers" />
  const rows = answers.flatMap(({ instance, rebuilding, projections }) =>
    projections.map((one) => ({ ...one, instance, rebuilding })),
  )
  return (
    <table className="plain-table">
      <caption className="unseen">how far each projection has come</caption>
      <Heads
        titles={['Projection', 'Instance', 'State', 'Of', 'Taken in', 'Behind', 'Last']}
        right={['Taken in', 'Behind']}
      />
      <tbody>
        {rows.map(({ projection, instance, rebuilding, partition, stream, applied, head, at }) => (
          <tr key={`${instance} ${projection} ${stream} ${partition?.app} ${partition?.slot}`}>
            <td>{projection}</td>
            <td className="mono">{instance}</td>
            <td className="tight">
              <State
                state={rebuilding ? 'rebuilding' : applied >= head ? 'current' : 'behind'}
                detail={
                  rebuilding && head > 0 ? `${Math.floor((applied / head) * 100)} %` : undefined
                }
              />
            </td>
            <td>
              {stream}
              {partition && (
                <span className="muted">
                  {' '}
                  {partition.app}, slot {partition.slot}
                </span>
              )}
            </td>
            <td className="right">{number(applied)}</td>
            <td className="right">{number(Math.max(0, head - applied))}</td>
            <td className="tight">{at === undefined ? '' : <Age at={at} />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Streams({ streams }: { readonly streams: readonly Stream[] }) {
  return (
    <table className="plain-table">
      <caption className="unseen">streams with what they hold</caption>
      <Heads
        titles={['Stream', 'Holds', 'Messages', 'Size', 'First', 'Last', 'Since']}
        right={['Messages', 'Size', 'First', 'Last']}
      />
      <tbody>
        {streams.map(({ name, holds, messages, bytes, firstSeq, lastSeq, createdAt }) => (
          <tr key={name}>
            <td className="mono">{name}</td>
            <td>{holds}</td>
            <td className="right">{number(messages)}</td>
            <td className="right">{bytesText(bytes)}</td>
            <td className="right">{number(firstSeq)}</td>
            <td className="right">{number(lastSeq)}</td>
            <td className="tight">
              <Age at={Date.parse(createdAt)} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
