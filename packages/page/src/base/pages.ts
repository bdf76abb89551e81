import { useCallback, useEffect, useRef, useState } from 'react'
import { live } from '../live/live.ts'
import { type Problem, problemOf } from './api.ts'

export interface OnePage<Row> {
  readonly rows: readonly Row[]
  readonly next?: string | undefined
  readonly asOf: Readonly<Record<string, number>>
}

interface State<Row> extends OnePage<Row> {
  readonly loading: boolean
  readonly error?: Problem | undefined
  /** When its first page came. */
  readonly at?: number | undefined
}

export interface Paged<Row> extends Omit<State<Row>, 'next'> {
  readonly more: boolean
  readonly loadMore: () => void
  readonly reload: () => void
}

const empty = { rows: [], asOf: {}, loading: true }

/**
 * A list that grows at its end, read by cursors.
 * @param key says all there is to say about the question; another one begins anew
 */
export function usePages<Row>(
  key: string,
  read: (cursor: string | undefined, signal: AbortSignal) => Promise<OnePage<Row>>,
): Paged<Row> {
  const [state, setState] = useState<State<Row>>(empty)
  const running = useRef<AbortController>(undefined)
  const latest = useRef(read)
  latest.current = read
  const load = useCallback((cursor: string | undefined) => {
    running.current?.abort()
    const { signal } = (running.current = new AbortController())
    setState((now) => ({ ...now, loading: true }))
    latest
      .current(cursor, signal)
      .then(
        (page) => setState((now) => joined(now, page, cursor !== undefined)),
        (thrown: unknown) =>
          signal.aborted ||
          setState((now) => ({ ...now, error: problemOf(thrown), loading: false })),
      )
      .catch(() => undefined) // both ways are handled above
  }, [])
  useEffect(() => {
    setState(empty)
    load(undefined)
    return () => running.current?.abort()
  }, [key, load])
  const reload = useCallback(() => load(undefined), [load])
  useEffect(() => live.onReset(reload), [reload])
  const { next, loading } = state
  const loadMore = useCallback(() => {
    if (next !== undefined && !loading) load(next)
  }, [next, loading, load])
  return { ...state, more: next !== undefined, loadMore, reload }
}

function joined<Row>(now: State<Row>, page: OnePage<Row>, isMore: boolean): State<Row> {
  const rows = isMore ? [...now.rows, ...page.rows] : page.rows
  const at = isMore ? now.at : Date.now()
  return { rows, next: page.next, asOf: page.asOf, at, loading: false }
}
