import { type ReactNode, useEffect, useState } from 'react'
import type { Problem } from '../base/api.ts'
import type { Answered } from '../base/query.ts'
import { Age } from './age.tsx'
import { Icon } from './icon.tsx'
import { copyText } from './copy.tsx'

/** What failed, why, and what to do; nothing that was on the screen is taken away for it. */
export function ProblemNotice({
  problem,
  dataAt,
  retry,
}: {
  readonly problem: Problem
  /** Of the data that are shown all the same. */
  readonly dataAt?: number | undefined
  readonly retry?: (() => void) | undefined
}) {
  const { body, status } = problem
  return (
    <div className="notice" data-tone={toneOf(problem)} role="status">
      <Icon name="warning" />
      <div className="notice-text">
        <strong>{titleOf(problem)}</strong>
        {body.why !== undefined && <span>{body.why}</span>}
        {body.next !== undefined && <span className="muted">{body.next}</span>}
        {dataAt !== undefined && (
          <span className="muted">
            What you see is from <Age at={dataAt} />.
          </span>
        )}
        <span className="muted mono small">
          {body.code}
          {status > 0 ? ` · ${status}` : ''}
          {body.where === undefined ? '' : ` · ${body.where}`}
        </span>
      </div>
      <div className="notice-do">
        {retry && (
          <button type="button" onClick={retry}>
            Try again
          </button>
        )}
        <button type="button" className="quiet" onClick={() => copyText(diagnostics(problem))}>
          Copy details
        </button>
      </div>
    </div>
  )
}

const toneOf = ({ status, body }: Problem): string =>
  status === 0 || body.kind === 'unavailable' ? 'waiting' : 'failed'

function titleOf({ status, body }: Problem): string {
  if (status === 401) return 'You are not signed in'
  if (status === 403) return `Not allowed: ${body.what}`
  return body.what
}

const diagnostics = ({ status, body }: Problem): string =>
  JSON.stringify({ at: new Date().toISOString(), page: location.href, status, ...body }, null, 2)

/** Nothing is there: what would be, and what makes it appear. */
export function Empty({
  title,
  children,
}: {
  readonly title: string
  readonly children?: ReactNode
}) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children !== undefined && <div className="muted">{children}</div>}
    </div>
  )
}

/** Bars in place of what is coming, once it takes long enough to be noticed. */
export function Loading({ what, rows = 6 }: { readonly what: string; readonly rows?: number }) {
  const [late, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 200)
    return () => clearTimeout(timer)
  }, [])
  if (!late) return null
  return (
    <div className="loading" role="status" aria-label={`loading ${what}`}>
      {Array.from({ length: rows }, (_, at) => (
        <div key={at} className="bone" />
      ))}
    </div>
  )
}

/** The three ways an answer can be; children get the data as soon as there are any. */
export function Answer<T>({
  answer,
  what,
  children,
}: {
  readonly answer: Answered<T>
  readonly what: string
  readonly children: (data: T) => ReactNode
}) {
  const { data, error, at, refetch } = answer
  return (
    <>
      {error && <ProblemNotice problem={error} dataAt={at} retry={refetch} />}
      {data === undefined ? !error && <Loading what={what} /> : children(data)}
    </>
  )
}
