import type { RequestOf, ResponseOf } from '@waybill/api'
import { useCallback, useEffect, useRef, useState } from 'react'
import { ask, type Problem, problemOf } from '../../base/api.ts'
import { live, useLive } from '../../live/live.ts'
import type { LiveStep } from '../../live/conflate.ts'
import { noRows, type Rows, withPage, withSteps } from './rows.ts'

type Page = ResponseOf<'dispatch.list'>

export interface DispatchList {
  readonly rows: Rows
  /** There are more behind them. */
  readonly more: boolean
  readonly loading: boolean
  readonly error?: Problem | undefined
  /** When the first page came, and how far it had read. */
  readonly at?: number | undefined
  readonly asOf: Page['asOf']
  /** Dispatches that came to the list since: shown when asked for. */
  readonly fresh: ReadonlySet<string>
  readonly loadMore: () => void
  readonly reload: () => void
}

type State = Omit<DispatchList, 'loadMore' | 'reload' | 'more'> & {
  readonly next?: string | undefined
}

const empty: State = { rows: noRows, loading: true, asOf: {}, fresh: new Set() }
export const pageSize = 200

/** A list that grows at its end as one scrolls, and whose rows change in place as things happen. */
export function useList(
  request: RequestOf<'dispatch.list'>,
  fits: (step: LiveStep) => 'yes' | 'maybe' | 'no',
): DispatchList {
  const [state, setState] = useState(empty)
  const running = useRef<AbortController>(undefined)
  const key = JSON.stringify(request)

  const read = useCallback(
    (cursor: string | undefined, before: Rows) => {
      running.current?.abort()
      const controller = new AbortController()
      running.current = controller
      setState((now) => ({ ...now, loading: true }))
      const asked = { ...(JSON.parse(key) as RequestOf<'dispatch.list'>), limit: pageSize } // as made above
      ask('dispatch.list', { ...asked, ...(cursor !== undefined && { cursor }) }, controller.signal)
        .then(
          (page) =>
            setState((now) => arrived(now, page, cursor === undefined ? undefined : before)),
          (thrown: unknown) =>
            controller.signal.aborted ||
            setState((now) => ({ ...now, error: problemOf(thrown), loading: false })),
        )
        .catch(() => undefined) // both ways are handled above
    },
    [key],
  )

  useEffect(() => {
    setState(empty)
    read(undefined, noRows)
    return () => running.current?.abort()
  }, [read])
  // Who scrolled down keeps what is there; the top is what a fresh look begins with.
  const reload = useCallback(() => read(undefined, noRows), [read])
  useEffect(() => live.onReset(reload), [reload])
  useLive(({ steps }) => setState((now) => heard(now, steps, fits)))

  const loadMore = useCallback(() => {
    if (state.next !== undefined && !state.loading) read(state.next, state.rows)
  }, [state.next, state.loading, state.rows, read])
  return { ...state, more: state.next !== undefined, loadMore, reload }
}

/** @param before the rows that the page comes after; undefined: it is the first one */
function arrived(now: State, { dispatches, next, asOf }: Page, before: Rows | undefined): State {
  if (before) {
    return { ...now, rows: withPage(now.rows, dispatches), next, loading: false, error: undefined }
  }
  const rows = withPage(noRows, dispatches)
  return { rows, next, loading: false, at: Date.now(), asOf, fresh: new Set() }
}

function heard(
  now: State,
  steps: readonly LiveStep[],
  fits: (step: LiveStep) => 'yes' | 'maybe' | 'no',
): State {
  const rows = withSteps(now.rows, steps, (step) => fits(step) !== 'no')
  let fresh: Set<string> | undefined
  for (const step of steps) {
    if (rows.index.has(step.dispatch)) continue
    const isIn = fits(step) !== 'no'
    if (isIn === (fresh ?? now.fresh).has(step.dispatch)) continue
    fresh ??= new Set(now.fresh)
    if (isIn) fresh.add(step.dispatch)
    else fresh.delete(step.dispatch)
  }
  return rows === now.rows && fresh === undefined
    ? now
    : { ...now, rows, fresh: fresh ?? now.fresh }
}
