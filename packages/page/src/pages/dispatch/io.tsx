import { Link } from '../../base/router.tsx'
import { clock, duration, shortId } from '../../base/text.ts'
import { Json } from '../../ui/json.tsx'
import { Empty } from '../../ui/notice.tsx'
import { State } from '../../ui/state.tsx'
import type { Detail } from './dispatch.tsx'
import { handlerMs } from './stretches.ts'
import type { History, Step } from './use-history.ts'

/** What came in, and what each attempt gave or threw. Redacted on the server, where it must be. */
export function InputOutput({
  detail,
  history,
}: {
  readonly detail: Detail
  readonly history: History
}) {
  const { event } = detail
  const results = history.steps.filter(({ input }) => input.kind === 'result')
  return (
    <div className="io">
      <section className="card" aria-label="input">
        <div className="card-head">
          <h2>Input</h2>
          <span className="muted">{detail.dispatch.row.type}</span>
          <span className="push" />
          <Link to={`/events/${detail.dispatch.row.event}`}>The event</Link>
        </div>
        <div className="card-body">
          {event === undefined ? (
            <Empty title="The event is no longer stored">
              <p>Retention has purged it; its head is in the first line of the log.</p>
            </Empty>
          ) : (
            <Json value={event.data} label="payload" />
          )}
        </div>
      </section>
      <section className="card" aria-label="output">
        <div className="card-head">
          <h2>Output</h2>
          <span className="muted">of each attempt, the newest first</span>
        </div>
        <div className="card-body io-results">
          {results.length === 0 && <Empty title="No attempt has come back yet" />}
          {results.toReversed().map((step) => (
            <Result key={step.transition.index} step={step} />
          ))}
        </div>
      </section>
    </div>
  )
}

function Result({ step }: { readonly step: Step }) {
  const { input, transition, at } = step
  if (input.kind !== 'result') return null
  const { result } = input
  const ms = handlerMs(step)
  return (
    <article className="io-result">
      <div className="spread">
        <State state={result.status === 'succeeded' ? 'succeeded' : statusOf(result.status)} />
        <span>attempt {transition.record.attempt}</span>
        <span className="muted num">
          {clock(at)}
          {ms === undefined ? '' : `, ${duration(ms)}`}
        </span>
        <span className="push" />
        <Link to={`?tab=log&at=${transition.index}`}>#{transition.index}</Link>
      </div>
      {result.status === 'succeeded' && result.output !== undefined && (
        <Json value={result.output} label="output" />
      )}
      {result.status === 'failed' && <Json value={result.error} label="error" />}
      {'sent' in result && result.sent.length > 0 && (
        <div className="spread">
          <span className="muted">sent</span>
          {result.sent.map((id) => (
            <Link key={id} to={`/events/${id}`} className="mono">
              {shortId(id)}
            </Link>
          ))}
        </div>
      )}
    </article>
  )
}

const statusOf = (status: string): string => (status === 'killed' ? 'failed' : status)
