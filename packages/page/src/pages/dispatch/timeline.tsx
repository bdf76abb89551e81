import { Link } from '../../base/router.tsx'
import { useNow } from '../../base/now.ts'
import { clock, duration, iso } from '../../base/text.ts'
import { Empty, Loading } from '../../ui/notice.tsx'
import { isOpenState, lookOf, State } from '../../ui/state.tsx'
import { Icon } from '../../ui/icon.tsx'
import type { Detail } from './dispatch.tsx'
import { type Stretch, stretches } from './stretches.ts'
import type { History } from './use-history.ts'

/** A waterfall without holes: each line is a stretch of time, and says what it was spent on. */
export function Timeline({
  detail,
  history,
}: {
  readonly detail: Detail
  readonly history: History
}) {
  const { row } = detail.dispatch
  const isOpen = isOpenState(row.state)
  const now = useNow()
  const all = stretches(history.steps, detail.event?.receivedAt)
  const last = history.steps.at(-1)
  const from = all[0]?.from ?? row.startedAt
  if (!last) return history.loading ? <Loading what="timeline" /> : <Empty title="No transitions" />
  const to = Math.max(isOpen ? now : last.at, from + 1)
  return (
    <div className="card timeline" role="table" aria-label="timeline">
      <div role="row" className="timeline-head">
        <span role="columnheader">What</span>
        <span role="columnheader">How long</span>
        <span role="columnheader" className="timeline-scale">
          <span className="num">{clock(from)}</span>
          <span className="num">{duration((to - from) / 2)}</span>
          <span className="num">{duration(to - from)}</span>
        </span>
        <span role="columnheader">Why</span>
      </div>
      {all.map((one, at) => (
        <Line key={`${at} ${one.from}`} stretch={one} from={from} to={to} />
      ))}
      <div role="row" className="timeline-row">
        <span role="cell">
          <State state={row.state} />
        </span>
        <span role="cell" className="num">
          {isOpen ? 'now' : duration(last.at - from)}
        </span>
        <span role="cell" />
        <span role="cell" className="muted">
          {isOpen ? nextText(row) : `ended ${iso(last.at)}`}
        </span>
      </div>
    </div>
  )
}

const nextText = ({ dueAt }: Detail['dispatch']['row']): string =>
  dueAt === undefined ? 'its next step comes from outside' : `its next timer: ${iso(dueAt)}`

function Line({
  stretch,
  from,
  to,
}: {
  readonly stretch: Stretch
  readonly from: number
  readonly to: number
}) {
  const { title, reason, state, index } = stretch
  const end = stretch.to ?? to
  const span = to - from
  const { icon, tone } = lookOf(state)
  return (
    <div role="row" className="timeline-row" data-tone={tone}>
      <span role="cell" className="timeline-what" title={title}>
        <Icon name={icon} size={14} />
        {index === undefined ? title : <Link to={`?tab=log&at=${index}`}>{title}</Link>}
      </span>
      <span role="cell" className="num">
        {duration(end - stretch.from)}
      </span>
      <span role="cell" className="timeline-lane">
        <span
          className="timeline-bar"
          data-open={stretch.to === undefined}
          title={`${iso(stretch.from)} to ${stretch.to === undefined ? 'now' : iso(stretch.to)}`}
          style={{
            insetInlineStart: `${((stretch.from - from) / span) * 100}%`,
            width: `max(3px, ${((end - stretch.from) / span) * 100}%)`,
          }}
        />
      </span>
      <span role="cell" className="timeline-why" title={reason}>
        {reason}
      </span>
    </div>
  )
}
