import { useAsk } from '../../base/query.ts'
import { Link } from '../../base/router.tsx'
import { href } from '../../base/route.ts'
import { ruleText } from '../../base/rule.ts'
import { useMayAct } from '../../base/session.ts'
import { number } from '../../base/text.ts'
import { Age } from '../../ui/age.tsx'
import { type Fact, Facts } from '../../ui/facts.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Answer } from '../../ui/notice.tsx'
import { DispatchLink } from '../../ui/reference.tsx'
import { State } from '../../ui/state.tsx'
import type { Circuit } from './circuit-rows.ts'
import { Deeds, Failures, NextProbe } from './parts.tsx'
import type { Meant } from './switch.tsx'

const shownMax = 100

/** One circuit: why it is as it is, what it is judged by, and what it holds. */
export function CircuitDetail({
  circuit,
  onDo,
  onClose,
}: {
  readonly circuit: Circuit
  readonly onDo: (meant: Meant) => void
  readonly onClose: () => void
}) {
  const { key, state } = circuit
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
        <Facts rows={factsOf(circuit)} />
        {mayAct && <Deeds circuit={circuit} onDo={onDo} />}
        <HeldList circuit={circuit} />
      </div>
    </section>
  )
}

const factsOf = (circuit: Circuit): readonly Fact[] => {
  const { limit, app, tenant, state, since, manual, rule, ledger, slot } = circuit
  const isClosed = state === 'closed'
  return [
    ['limit', limit],
    ['app, tenant', `${app}, ${tenant}`],
    [isClosed ? 'closed' : 'opened', since > 0 && <Age at={since} />],
    ['failures', <Failures circuit={circuit} />],
    ['next probe', !isClosed && <NextProbe circuit={circuit} />],
    [
      'by hand',
      manual && (
        <>
          {manual.by}, <Age at={manual.at} />: {manual.reason}
        </>
      ),
    ],
    ['rule', ruleText(rule)],
    ['while open', rule.kind === 'circuit' && whenOpen[rule.whenOpen]],
    ['ledger', <span className="mono small">{`${ledger}, slot ${slot}`}</span>],
  ]
}

const whenOpen = {
  defer: 'dispatches come back when it may be tried',
  dlq: 'dispatches are dead letters at once',
} as const

/** What it turned back, and when each comes again. */
function HeldList({ circuit: { app, ledger } }: { readonly circuit: Circuit }) {
  const asked = { app, held: ledger, limit: shownMax }
  const answer = useAsk('dispatch.list', asked, { everyMs: 3000 })
  return (
    <div>
      <h3>holds</h3>
      <Answer answer={answer} what="what it holds">
        {({ dispatches, next }) => (
          <>
            {dispatches.length === 0 && <p className="muted">Nothing waits for it.</p>}
            <ul className="ids">
              {dispatches.map(({ id, held }) => (
                <li key={id}>
                  <DispatchLink id={id} />
                  {held?.until !== undefined && (
                    <span className="muted small" title="comes again">
                      <Age at={held.until} />
                    </span>
                  )}
                </li>
              ))}
            </ul>
            {next !== undefined && (
              <p className="muted small">
                the newest {number(shownMax)};{' '}
                <Link to={href('/dispatches', { app, state: 'flowGated,retryWait' })}>
                  all that wait
                </Link>
              </p>
            )}
          </>
        )}
      </Answer>
    </div>
  )
}
