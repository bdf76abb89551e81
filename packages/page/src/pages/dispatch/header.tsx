import { Link } from '../../base/router.tsx'
import { duration, iso, shortId } from '../../base/text.ts'
import { useNow } from '../../base/now.ts'
import { Age } from '../../ui/age.tsx'
import { CopyButton } from '../../ui/copy.tsx'
import { isOpenState, State } from '../../ui/state.tsx'
import { detailOf, whyOf } from '../dispatches/rows.ts'
import { Actions } from './actions.tsx'
import type { Detail } from './dispatch.tsx'
import type { History } from './use-history.ts'

export function Header({
  detail,
  history,
}: {
  readonly detail: Detail
  readonly history: History
}) {
  const { row } = detail.dispatch
  return (
    <header className="dispatch-head">
      <div className="page-head">
        <h1 className="mono" title={row.id}>
          {shortId(row.id)}
        </h1>
        <CopyButton text={row.id} what="id" />
        <State state={row.state} detail={detailOf(row)} />
        <Verified history={history} />
        <span className="push" />
        <Actions detail={detail} />
      </div>
      <Facts detail={detail} />
    </header>
  )
}

/** Says it only where it is not as it should be, or in a word where it is. */
function Verified({ history }: { readonly history: History }) {
  const { verified } = history
  if (!verified) return null
  const why = verified.why ?? 'every transition names the hash of the one before, and they fit'
  return (
    <span title={why}>
      <State state={verified.result} text={`hash chain ${verified.result}`} plain />
    </span>
  )
}

function Facts({ detail }: { readonly detail: Detail }) {
  const { row, chain } = detail.dispatch
  const why = whyOf(row)
  return (
    <dl className="fact-line">
      <Fact name="binding">
        <Link to={`/dispatches?binding=${encodeURIComponent(row.binding)}`}>{row.binding}</Link>{' '}
        <span className="muted">{row.app}</span>
      </Fact>
      <Fact name="event">
        <Link to={`/events/${row.event}`}>{row.type}</Link>
        {row.subject !== undefined && <span className="muted"> {row.subject}</span>}
      </Fact>
      {row.key !== undefined && <Fact name="key">{row.key}</Fact>}
      {row.tenant !== 'default' && <Fact name="tenant">{row.tenant}</Fact>}
      <Fact name="attempts">
        {row.attempt}
        {row.spent !== row.attempt && <span className="muted"> ({row.spent} count)</span>}
      </Fact>
      <Fact name="began">
        <Age at={row.startedAt} />
      </Fact>
      <Took row={row} />
      {chain.parent !== undefined && (
        <Fact name="caused by">
          <Link to={`/dispatches/${chain.parent}`} className="mono">
            {shortId(chain.parent)}
          </Link>
        </Fact>
      )}
      {row.rerunOf !== undefined && (
        <Fact name="runs again">
          <Link to={`/dispatches/${row.rerunOf}`} className="mono">
            {shortId(row.rerunOf)}
          </Link>
        </Fact>
      )}
      {why !== '' && <Fact name="why">{why}</Fact>}
    </dl>
  )
}

function Took({ row }: { readonly row: Detail['dispatch']['row'] }) {
  const now = useNow()
  const isOpen = isOpenState(row.state)
  const end = isOpen ? Math.max(now, row.at) : row.at
  return (
    <Fact name={isOpen ? 'for' : 'took'}>
      <span title={`${iso(row.startedAt)} to ${isOpen ? 'now' : iso(row.at)}`} className="num">
        {duration(end - row.startedAt)}
      </span>
    </Fact>
  )
}

function Fact({ name, children }: { readonly name: string; readonly children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
