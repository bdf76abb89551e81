import type { DispatchRow } from '@waybill/api'
import { ruleText } from '../../base/rule.ts'
import { useMayAct } from '../../base/session.ts'
import { number } from '../../base/text.ts'
import { Age } from '../../ui/age.tsx'
import { Icon } from '../../ui/icon.tsx'
import { DispatchLink } from '../../ui/reference.tsx'
import { State } from '../../ui/state.tsx'
import type { Circuit } from './circuits.ts'
import { Deeds, Failures, NextProbe } from './parts.tsx'
import type { Meant } from './switch.tsx'

const shownMax = 100

/** One circuit: why it is as it is, what it is judged by, and what it holds. */
export function CircuitDetail({
  circuit,
  held,
  more,
  onDo,
  onClose,
}: {
  readonly circuit: Circuit
  readonly held: readonly DispatchRow[]
  readonly more: boolean
  readonly onDo: (meant: Meant) => void
  readonly onClose: () => void
}) {
  const { key, limit, app, tenant, state, since, failures, manual, rule, ledger, slot } = circuit
  const mayAct = useMayAct()
  return (
    <section className="card" aria-label={`circuit ${key}`}>
      <div className="card-head">
        <h2 className="clip">{key}</h2>
        <State state={state} />
        <span className="push" />
        <button type="button" className="icon-button" aria-label="close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <div className="card-body detail">
        <dl className="facts">
          <dt>limit</dt>
          <dd>{limit}</dd>
          <dt>app, tenant</dt>
          <dd>
            {app}, {tenant}
          </dd>
          {since > 0 && (
            <>
              <dt>{state === 'closed' ? 'closed' : 'opened'}</dt>
              <dd>
                <Age at={since} />
              </dd>
            </>
          )}
          <dt>failures</dt>
          <dd>{number(failures)} in a row</dd>
          {state !== 'closed' && (
            <>
              <dt>next probe</dt>
              <dd>
                <NextProbe circuit={circuit} />
              </dd>
            </>
          )}
          {manual && (
            <>
              <dt>by hand</dt>
              <dd>
                {manual.by}, <Age at={manual.at} />: {manual.reason}
              </dd>
            </>
          )}
          <dt>rule</dt>
          <dd>{ruleText(rule)}</dd>
          {rule.kind === 'circuit' && (
            <>
              <dt>while open</dt>
              <dd>
                {rule.whenOpen === 'defer'
                  ? 'dispatches come back when it may be tried'
                  : 'dispatches are dead letters at once'}
              </dd>
            </>
          )}
          <dt>ledger</dt>
          <dd className="mono small">
            {ledger}, slot {slot}
          </dd>
        </dl>
        {mayAct && <Deeds circuit={circuit} onDo={onDo} />}
        <div>
          <h3>
            holds {number(held.length)}
            {more ? ' or more' : ''}
          </h3>
          {held.length === 0 && <p className="muted">Nothing waits for it.</p>}
          <ul className="ids">
            {held.slice(0, shownMax).map((row) => (
              <li key={row.id}>
                <DispatchLink id={row.id} />
                {row.held?.until !== undefined && (
                  <span className="muted small" title="comes again">
                    <Age at={row.held.until} />
                  </span>
                )}
              </li>
            ))}
          </ul>
        </div>
      </div>
    </section>
  )
}
