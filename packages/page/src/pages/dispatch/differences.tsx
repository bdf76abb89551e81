import { toJson } from '@waybill/api'
import { useMemo } from 'react'
import { clip } from '../../base/text.ts'
import { differences } from './diff.ts'

export function Differences({
  before,
  after,
}: {
  readonly before: unknown
  readonly after: unknown
}) {
  const all = useMemo(() => differences(before ?? {}, after), [before, after])
  if (all.length === 0) return <p className="muted">Nothing.</p>
  return (
    <table className="plain-table diff">
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Before</th>
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        {all.map((one) => (
          <tr key={one.path}>
            <td className="mono">{one.path}</td>
            <td className="mono diff-before">{textOf(one.before)}</td>
            <td className="mono diff-after">{textOf(one.after)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** A moment in ms says nothing to people. */
function textOf(value: unknown): string {
  if (value === undefined) return ''
  if (typeof value === 'number' && value > 1e12) return new Date(value).toISOString()
  return clip(toJson(value), 300)
}
