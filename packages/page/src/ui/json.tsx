import { toJson } from '@waybill/api'
import { useMemo, useState } from 'react'
import { CopyButton, copyText } from './copy.tsx'
import { Icon } from './icon.tsx'
import { type JsonLine, leadsTo, linesOf, pathsWith } from './json-lines.ts'

const openDepth = 2
const linesMax = 2000

/** Folds, searches, copies values and paths. Values are text to the page, never markup. */
export function Json({ value, label }: { readonly value: unknown; readonly label: string }) {
  const [turned, setTurned] = useState<ReadonlySet<string>>(new Set())
  const [sought, setSought] = useState('')
  const hits = useMemo(
    () => (sought.length < 2 ? undefined : pathsWith(value, sought)),
    [value, sought],
  )
  const lines = useMemo(
    () =>
      linesOf(value, (path, depth) =>
        hits ? leadsTo(path, hits) : depth < openDepth !== turned.has(path),
      ),
    [value, turned, hits],
  )
  const turn = (path: string): void =>
    setTurned((before) => {
      const next = new Set(before)
      if (!next.delete(path)) next.add(path)
      return next
    })
  const isSmall = sought === '' && lines.length < 12
  return (
    <div className="json">
      <div className="json-bar">
        {!isSmall && (
          <input
            type="search"
            value={sought}
            placeholder="search names and values"
            aria-label={`search in ${label}`}
            onChange={({ target }) => setSought(target.value)}
          />
        )}
        {hits && <span className="muted small">{hits.size} found</span>}
        <CopyButton text={toJson(value)} what={label} />
      </div>
      <div className="json-lines" tabIndex={0} role="group" aria-label={label}>
        {lines.slice(0, linesMax).map((line, at) => (
          <Line key={`${at} ${line.path}`} line={line} isHit={hits?.has(line.path)} turn={turn} />
        ))}
        {lines.length > linesMax && (
          <div className="muted">… {lines.length - linesMax} more lines: search, or copy it</div>
        )}
      </div>
    </div>
  )
}

interface LineProps {
  readonly line: JsonLine
  readonly isHit?: boolean | undefined
  readonly turn: (path: string) => void
}

function Line({ line, isHit = false, turn }: LineProps) {
  const { path, depth, key, kind, text, value, size } = line
  return (
    <div className="json-line" data-hit={isHit} style={{ paddingInlineStart: `${depth + 1.7}rem` }}>
      {(kind === 'open' || kind === 'folded') && <Fold path={path} kind={kind} turn={turn} />}
      {key !== undefined && kind !== 'close' && (
        <button
          type="button"
          className="json-key"
          title={`copy path: ${path}`}
          onClick={() => copyText(path, `Copied ${path}`)}
        >
          {key}
        </button>
      )}
      <span className="json-value" data-type={value === null ? 'null' : typeof value}>
        {text}
      </span>
      {kind === 'folded' && <span className="muted small"> {size}</span>}
    </div>
  )
}

function Fold({
  path,
  kind,
  turn,
}: {
  readonly path: string
  readonly kind: 'open' | 'folded'
  readonly turn: (path: string) => void
}) {
  return (
    <button
      type="button"
      className="json-fold"
      aria-expanded={kind === 'open'}
      aria-label={`${kind === 'open' ? 'fold' : 'unfold'} ${path || 'all'}`}
      onClick={() => turn(path)}
    >
      <Icon name={kind === 'open' ? 'down' : 'right'} size={12} />
    </button>
  )
}
