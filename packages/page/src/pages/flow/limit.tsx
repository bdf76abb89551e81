import type { ResponseOf, WholeLimit } from '@waybill/api'
import { useAskEach } from '../../base/query.ts'
import { Link } from '../../base/router.tsx'
import { href } from '../../base/route.ts'
import { ruleText } from '../../base/rule.ts'
import { useMayAct } from '../../base/session.ts'
import { count, number } from '../../base/text.ts'
import { Age } from '../../ui/age.tsx'
import { AsOf } from '../../ui/as-of.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Answer } from '../../ui/notice.tsx'
import { DispatchLink } from '../../ui/reference.tsx'

type LedgerRow = ResponseOf<'flow.list'>['ledgers'][number]

/** Holders and waiters that are asked for, of each ledger. */
const members = 50
const ledgersMax = 30

/** One limit: who holds, who waits, and why its numbers are what they are. */
export function LimitDetail({
  limit,
  onSet,
  onClose,
}: {
  readonly limit: WholeLimit
  readonly onSet: () => void
  readonly onClose: () => void
}) {
  const { limit: name, app, rule, deployed, override } = limit
  const answer = useAskEach('flow.list', { app, limit: name, members }, { everyMs: 2000 })
  const mayAct = useMayAct()
  return (
    <section className="card" aria-label={`limit ${name}`}>
      <div className="card-head">
        <h2 className="clip">{name}</h2>
        <span className="push" />
        {mayAct && rule.kind !== 'singleton' && (
          <button type="button" onClick={onSet}>
            Change …
          </button>
        )}
        <button type="button" className="icon-button" aria-label="close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <div className="card-body detail">
        <dl className="facts">
          <dt>app</dt>
          <dd>{app}</dd>
          <dt>in force</dt>
          <dd>{ruleText(rule)}</dd>
          {override && (
            <>
              <dt>set</dt>
              <dd>
                by {override.by}, <Age at={override.at} />: {override.reason}
              </dd>
              <dt>deployed</dt>
              <dd>{deployed === undefined ? 'not known' : ruleText(deployed)}</dd>
            </>
          )}
        </dl>
        <Answer answer={answer} what={`who is in ${name}`}>
          {(answers) => (
            <>
              <Ledgers
                rows={answers
                  .flatMap(({ ledgers }) => ledgers)
                  .filter((row) => row.limit === name && row.app === app)}
              />
              <AsOf answers={answers} />
            </>
          )}
        </Answer>
      </div>
    </section>
  )
}

function Ledgers({ rows }: { readonly rows: readonly LedgerRow[] }) {
  if (rows.length === 0) return <p className="muted">Nobody holds it, nobody waits.</p>
  const sorted = rows.toSorted((a, b) => b.waiting - a.waiting || b.used - a.used)
  return (
    <>
      {sorted.slice(0, ledgersMax).map((row) => (
        <OneLedger key={`${row.slot} ${row.ledger}`} row={row} />
      ))}
      {sorted.length > ledgersMax && (
        <p className="muted">and {count(sorted.length - ledgersMax, 'key')} with fewer waiting</p>
      )}
    </>
  )
}

function OneLedger({ row }: { readonly row: LedgerRow }) {
  const { key, tenant, slot, used, waiting, holders, waiters, oldest, nextAt } = row
  return (
    <div className="detail">
      <div className="spread">
        {key !== undefined && <b className="mono">{key}</b>}
        {tenant !== undefined && tenant !== 'default' && <span>tenant {tenant}</span>}
        <span className="num">
          used {number(used)}, waiting {number(waiting)}
        </span>
        {oldest !== undefined && (
          <span className="muted">
            oldest <Age at={oldest} />
          </span>
        )}
        {nextAt !== undefined && (
          <span className="muted">
            next may go <Age at={nextAt} />
          </span>
        )}
        <span className="muted small push">slot {slot}</span>
      </div>
      {holders.length > 0 && (
        <div>
          <h3>holds</h3>
          <ul className="ids">
            {holders.map((id) => (
              <li key={id}>
                <DispatchLink id={id} />
              </li>
            ))}
          </ul>
        </div>
      )}
      {waiters.length > 0 && <Waiters row={row} />}
    </div>
  )
}

function Waiters({ row: { waiters, waiting, limit } }: { readonly row: LedgerRow }) {
  const [owner = ''] = limit.split('/')
  const binding = owner.startsWith('@') ? undefined : owner
  return (
    <div>
      <h3>waits</h3>
      <ul className="ids">
        {waiters.map(({ dispatch, since }) => (
          <li key={dispatch}>
            <DispatchLink id={dispatch} />
            <span className="muted small">
              <Age at={since} />
            </span>
          </li>
        ))}
      </ul>
      {waiting > waiters.length && (
        <p className="muted small">
          and {number(waiting - waiters.length)} more:{' '}
          <Link to={href('/dispatches', { state: 'flowGated', binding })}>all that wait</Link>
        </p>
      )}
    </div>
  )
}
