import { useId } from 'react'
import type { JsonRead } from '../base/json-text.ts'
import type { Issue } from '../schema/check.ts'

/** JSON as text, with what is wrong with it under it. */
export function JsonEditor({
  label,
  text,
  read,
  issues,
  change,
}: {
  readonly label: string
  readonly text: string
  readonly read: JsonRead
  readonly issues: readonly Issue[]
  readonly change: (text: string) => void
}) {
  const id = useId()
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea
        id={id}
        className="editor"
        spellCheck={false}
        value={text}
        rows={Math.min(30, text.split('\n').length + 1)}
        aria-invalid={!read.ok || issues.length > 0}
        aria-describedby={`${id}-wrong`}
        onChange={({ target }) => change(target.value)}
      />
      <div id={`${id}-wrong`} role="status">
        {read.ok ? <Issues issues={issues} /> : <p className="wrong">{read.problem}</p>}
      </div>
    </div>
  )
}

function Issues({ issues }: { readonly issues: readonly Issue[] }) {
  if (issues.length === 0) return null
  return (
    <ul className="plain-list">
      {issues.map(({ path, message }) => (
        <li key={`${path} ${message}`} className="wrong">
          <b className="mono">{path === '' ? 'data' : path}</b> {message}
        </li>
      ))}
    </ul>
  )
}
