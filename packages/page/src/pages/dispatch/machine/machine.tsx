import { Link } from '../../../base/router.tsx'
import { Empty, Loading } from '../../../ui/notice.tsx'
import { isOpenState } from '../../../ui/state.tsx'
import type { History, Step } from '../use-history.ts'
import { pictures } from './picture.ts'
import { Picture } from './svg.tsx'

/** The statechart, and the way that this dispatch took through it. */
export function MachineTab({ history }: { readonly history: History }) {
  const { steps, loading } = history
  if (steps.length === 0)
    return loading ? <Loading what="machine" /> : <Empty title="No transitions" />
  return (
    <>
      <div className="card machine-card">
        <MachinePicture steps={steps} />
      </div>
      <Taken steps={steps} />
    </>
  )
}

/** @param upTo the steps that count, of those that there are */
export function MachinePicture({
  steps,
  upTo = steps.length,
}: {
  readonly steps: readonly Step[]
  readonly upTo?: number
}) {
  const version = steps[0]?.transition.origin?.machine ?? 1
  const laid = pictures.get(version)
  const state = steps[upTo - 1]?.transition.to
  if (!laid) {
    return (
      <Empty title={`This page has no picture of machine ${version}`}>
        <p>It is older or newer than the dispatch. The log tells the same.</p>
      </Empty>
    )
  }
  const seen = steps.slice(0, upTo).map(({ transition }) => transition)
  return (
    <Picture
      laid={laid}
      steps={seen}
      state={state}
      isOpen={state !== undefined && isOpenState(state)}
    />
  )
}

/** The same as a list: which branch, in order. */
function Taken({ steps }: { readonly steps: readonly Step[] }) {
  const version = steps[0]?.transition.origin?.machine ?? 1
  const byId = new Map(pictures.get(version)?.branches.map((one) => [one.id, one]))
  const taken = steps.flatMap(({ transition }) =>
    transition.via.map((id) => ({ id, index: transition.index, branch: byId.get(id) })),
  )
  return (
    <div className="card machine-taken">
      <table className="plain-table">
        <caption className="unseen">transitions taken</caption>
        <thead>
          <tr>
            <th scope="col">#</th>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Event</th>
            <th scope="col">Because</th>
            <th scope="col">Identity</th>
          </tr>
        </thead>
        <tbody>
          {taken.map(({ id, index, branch }, at) => (
            <tr key={`${at} ${id}`}>
              <td>
                <Link to={`?tab=log&at=${index}`}>{index}</Link>
              </td>
              <td>{branch?.from}</td>
              <td>{branch?.to}</td>
              <td>{branch?.event}</td>
              <td>{branch?.guard ?? <span className="muted">otherwise</span>}</td>
              <td className="mono muted">{id}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
