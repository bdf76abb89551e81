import type { ResponseOf } from '@waybill/api'
import { Heads } from '../../ui/heads.tsx'
import { Link, useSearch } from '../../base/router.tsx'
import { href } from '../../base/route.ts'
import { useMayAct } from '../../base/session.ts'
import { number } from '../../base/text.ts'
import { Age } from '../../ui/age.tsx'
import { BindingLink } from '../../ui/reference.tsx'
import type { Deed } from './redrive.tsx'

export type Group = ResponseOf<'dlq.groups'>['groups'][number]

/** What died of the same thing is one line, with what can be done about all of it. */
export function GroupTable({
  groups,
  onDo,
}: {
  readonly groups: readonly Group[]
  readonly onDo: (deed: Deed, group: Group) => void
}) {
  const mayAct = useMayAct()
  const [search] = useSearch()
  const to = (group: Group): string => {
    const next = new URLSearchParams(search)
    next.set('fingerprint', group.fingerprint)
    return href('/dead', next)
  }
  return (
    <div className="card scroll">
      <table className="plain-table">
        <caption className="unseen">groups of dead letters, the latest death first</caption>
        <Heads
          titles={['Died of', 'Binding', 'Pending', 'All', 'First', 'Last']}
          right={['Pending', 'All']}
          actions={mayAct}
        />
        <tbody>
          {groups.map((group) => (
            <tr key={`${group.app} ${group.fingerprint}`}>
              <td>
                <Link to={to(group)}>{group.top === '' ? group.reason : group.top}</Link>
                <div className="muted small">
                  {group.class} · {group.reason}
                </div>
              </td>
              <td className="tight">
                <BindingLink name={group.binding} app={group.app} />
              </td>
              <td className="right">
                <b>{number(group.pending)}</b>
              </td>
              <td className="right muted">{number(group.entries)}</td>
              <td className="tight muted">
                <Age at={group.firstAt} />
              </td>
              <td className="tight">
                <Age at={group.lastAt} />
              </td>
              {mayAct && (
                <td className="tight">
                  <GroupDeeds group={group} onDo={onDo} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

export function GroupDeeds({
  group,
  onDo,
}: {
  readonly group: Group
  readonly onDo: (deed: Deed, group: Group) => void
}) {
  const none = group.pending === 0
  const of = `${group.pending} of ${group.binding}: ${group.top}`
  return (
    <div className="row-do">
      <button
        type="button"
        disabled={none}
        aria-label={`redrive ${of}`}
        onClick={() => onDo('redrive', group)}
      >
        Redrive …
      </button>
      <button
        type="button"
        className="quiet"
        disabled={none}
        aria-label={`discard ${of}`}
        onClick={() => onDo('discard', group)}
      >
        Discard …
      </button>
    </div>
  )
}
