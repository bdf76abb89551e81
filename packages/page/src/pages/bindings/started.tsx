import { useAsk } from '../../base/query.ts'
import { Link } from '../../base/router.tsx'
import { Answer } from '../../ui/notice.tsx'
import { DispatchLink } from '../../ui/reference.tsx'
import { State } from '../../ui/state.tsx'

const listens = ({ verdict }: { readonly verdict: string }): boolean => verdict !== 'type_mismatch'

/** What became of an event at each binding, asked until all of them have said. */
export function Started({ id }: { readonly id: string }) {
  const answer = useAsk('event.explain', { id }, { everyMs: 700 })
  return (
    <div className="stack">
      <Link to={`/events/${id}`}>the event and what it started</Link>
      <Answer answer={answer} what="verdicts">
        {({ verdicts }) => (
          <table className="plain-table">
            <caption className="unseen">verdicts of the bindings that listen to it</caption>
            <tbody>
              {verdicts.filter(listens).map(({ app, binding, verdict, reason, dispatch }) => (
                <tr key={`${app} ${binding}`}>
                  <td>{binding}</td>
                  <td className="tight">
                    <State state={verdict} />
                  </td>
                  <td>{dispatch === undefined ? reason : <DispatchLink id={dispatch} />}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Answer>
    </div>
  )
}
