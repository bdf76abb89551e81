import '../ops.css'
import { Heads } from '../../ui/heads.tsx'
import { useMemo, useState } from 'react'
import { useAskEach } from '../../base/query.ts'
import { Link, useApp, useSearch } from '../../base/router.tsx'
import { href } from '../../base/route.ts'
import { useMayAct } from '../../base/session.ts'
import { count, number } from '../../base/text.ts'
import { Age } from '../../ui/age.tsx'
import { AsOf } from '../../ui/as-of.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Answer, Empty } from '../../ui/notice.tsx'
import { State } from '../../ui/state.tsx'
import { CircuitDetail } from './circuit.tsx'
import { type Circuit, type CircuitLimit, circuitsOf, limitsOf } from './circuit-rows.ts'
import { Deeds, Failures, Held, NextProbe } from './parts.tsx'
import { type Meant, SwitchDialog } from './switch.tsx'

export function Circuits() {
  const app = useApp()
  const [search, setSearch] = useSearch()
  const named = app === undefined ? {} : { app }
  const answer = useAskEach('circuit.list', named, { everyMs: 1000 })
  const circuits = useMemo(() => circuitsOf(answer.data ?? []), [answer.data])
  const limits = useMemo(() => limitsOf(answer.data ?? []), [answer.data])
  const chosen = circuits.find(({ ledger }) => ledger === search.get('circuit'))
  const [meant, setMeant] = useState<Meant>()
  const mayAct = useMayAct()
  return (
    <div className="page">
      <div className="page-head">
        <h1>Circuits</h1>
        <span className="muted">{summary(circuits)}</span>
        <span className="push" />
        <AsOf answers={answer.data ?? []} />
        {mayAct && limits.length > 0 && (
          <button type="button" onClick={() => setMeant({ do: 'open' })}>
            <Icon name="bolt" size={14} /> Open a circuit …
          </button>
        )}
      </div>
      <Answer answer={answer} what="circuits">
        {() =>
          limits.length === 0 ? (
            <Nothing />
          ) : (
            <div className="split" data-open={chosen !== undefined}>
              <div className="stack">
                {circuits.length > 0 && (
                  <CircuitTable circuits={circuits} chosen={chosen} onDo={setMeant} />
                )}
                <Healthy limits={limits} circuits={circuits} />
              </div>
              {chosen && (
                <CircuitDetail
                  circuit={chosen}
                  onDo={setMeant}
                  onClose={() => setSearch({ circuit: undefined })}
                />
              )}
            </div>
          )
        }
      </Answer>
      {meant && (
        <SwitchDialog
          meant={meant}
          limits={limits}
          onClose={() => {
            setMeant(undefined)
            answer.refetch()
          }}
        />
      )}
    </div>
  )
}

function summary(circuits: readonly Circuit[]): string {
  const open = circuits.filter(({ state }) => state !== 'closed').length
  return open === 0 ? 'none is open' : `${number(open)} open`
}

function CircuitTable({
  circuits,
  chosen,
  onDo,
}: {
  readonly circuits: readonly Circuit[]
  readonly chosen: Circuit | undefined
  readonly onDo: (meant: Meant) => void
}) {
  const mayAct = useMayAct()
  return (
    <div className="card scroll">
      <table className="plain-table">
        <caption className="unseen">circuits that are open or have reason to be</caption>
        <Heads
          titles={['Circuit', 'State', 'Since', 'Failures', 'Next probe', 'Holds']}
          right={['Holds']}
          actions={mayAct}
        />
        <tbody>
          {circuits.map((one) => (
            <tr key={`${one.app} ${one.ledger}`} data-current={one === chosen}>
              <td>
                <Link to={href('/circuits', { circuit: one.ledger })}>{one.key}</Link>
                <div className="muted small">
                  {one.limit}
                  {one.tenant !== 'default' && ` · tenant ${one.tenant}`}
                </div>
              </td>
              <td className="tight">
                <State state={one.state} />
              </td>
              <td className="tight">
                {one.since > 0 && <Age at={one.since} />}
                {one.manual && <div className="muted small">by {one.manual.by}</div>}
              </td>
              <td className="tight">
                <Failures circuit={one} />
              </td>
              <td className="tight">
                <NextProbe circuit={one} />
              </td>
              <td className="right">
                <Held circuit={one} />
              </td>
              {mayAct && (
                <td className="tight">
                  <Deeds circuit={one} onDo={onDo} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Healthy({
  limits,
  circuits,
}: {
  readonly limits: readonly CircuitLimit[]
  readonly circuits: readonly Circuit[]
}) {
  return (
    <div className="spread muted">
      <Icon name="check" size={14} />
      {limits.map(({ app, limit }) => {
        const bad = circuits.filter((one) => one.app === app && one.limit === limit).length
        return (
          <span key={`${app} ${limit}`}>
            {bad === 0 ? 'All' : 'All other'} destinations of <b>{limit}</b> are closed
            {bad === 0 ? '' : `; ${count(bad, 'is', 'are')} above`}.
          </span>
        )
      })}
    </div>
  )
}

const Nothing = () => (
  <Empty title="No circuits">
    <p>Bindings get them in their definition, one for each destination:</p>
    <pre>{`circuit: { destination: '"bank"', failures: 5, open: '1m' }`}</pre>
  </Empty>
)
