import type { ResponseOf, WholeLimit } from '@waybill/api'
import { useAskEach } from '../../base/query.ts'
import { Link } from '../../base/router.tsx'
import { href } from '../../base/route.ts'
import { ruleText } from '../../base/rule.ts'
import { useMayAct } from '../../base/session.ts'
import { count, number } from '../../base/text.ts'
import { Age } from '../../ui/age.tsx'
import { AsOf } from '../../ui/as-of.tsx'
import { Facts } from '../../ui/facts.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Answer } from '../../ui/notice.tsx'
import { DispatchLink } from '../../ui/reference.tsx'

type LedgerRow = ResponseOf<'flow.list'>['ledgers'][number]

/** Holders and waiters that are asked for, of each ledger. */
const members = 50
const ledgersMax = 100
/** Shown with their members at first. */
const openMax = 3

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
        <Facts
          rows={[
            ['app', app],
            ['in force', ruleText(rule)],
            [
              'set',
              override && (
                <>
                  by {override.by}, <Age at={override.at} />: {override.reason}
                </>
              ),
            ],
            ['deployed', override && (deployed === undefined ? 'not known' : ruleText(deployed))],
          ]}
        />
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
      {sorted.slice(0, ledgersMax).map((row, at) => (
        <OneLedger key={`${row.slot} ${row.ledger}`} row={row} isOpen={at < openMax} />
      ))}
      {sorted.length > ledgersMax && (
        <p className="muted">and {count(sorted.length - ledgersMax, 'key')} with fewer waiting</p>
      )}
    </>
  )
}

/** The busiest are open; a key's line is one click away. */
function OneLedger({ row, isOpen }: { readonly row: LedgerRow; readonly isOpen: boolean }) {
  const { key, tenant, slot, used, waiting, holders, waiters, oldest, nextAt } = row
  return (
    <details className="ledger" open={isOpen}>
      <summary>
        {key !== undefined && <b className="mono">{key}</b>}{' '}
        {tenant !== undefined && tenant !== 'default' && `tenant ${tenant} `}
        <span className="num">
          {number(used)} used, {number(waiting)} waiting
        </span>
        <span className="muted">
          {oldest !== undefined && (
            <>
              , oldest <Age at={oldest} />
            </>
          )}
          {nextAt !== undefined && (
            <>
              , next may go <Age at={nextAt} />
            </>
          )}
          , slot {slot}
        </span>
      </summary>
      {holders.length > 0 && (
        <>
          <h3>holds</h3>
          <ul className="ids">
            {holders.map((id) => (
              <li key={id}>
                <DispatchLink id={id} />
              </li>
            ))}
          </ul>
        </>
      )}
      {waiters.length > 0 && <Waiters row={row} />}
    </details>
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
