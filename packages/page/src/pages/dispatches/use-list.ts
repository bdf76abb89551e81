import type { RequestOf } from '@waybill/api'
import { useEffect, useRef, useState } from 'react'
import { ask } from '../../base/api.ts'
import { type PageOf, type Rows, usePaged } from '../../base/paged.ts'
import { useLive } from '../../live/live.ts'
import type { LiveStep } from '../../live/conflate.ts'
import { keyOf, type Row, withSteps } from './rows.ts'

type Fits = (step: LiveStep) => 'yes' | 'maybe' | 'no'

const pageSize = 500

/** A list whose rows change in place as things happen; what is new to it waits to be asked for. */
export function useList(request: RequestOf<'dispatch.list'>, fits: Fits) {
  const { list, loadMore, reload, changeRows } = usePaged<Row>({
    key: JSON.stringify(request),
    keyOf,
    read: (cursor, signal) => readPage(request, cursor, signal),
  })
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set())
  const rows = useRef(list.rows)
  rows.current = list.rows
  useEffect(() => setFresh(new Set()), [list.at])
  useLive(({ steps }) => {
    changeRows((now) => withSteps(now, steps, (step) => fits(step) !== 'no'))
    setFresh((now) => withFresh(now, steps, rows.current, fits))
  })
  return { list, fresh, loadMore, reload }
}

export type DispatchList = ReturnType<typeof useList>

async function readPage(
  request: RequestOf<'dispatch.list'>,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<PageOf<Row>> {
  const asked = { ...request, limit: pageSize, ...(cursor !== undefined && { cursor }) }
  const { dispatches, next, asOf } = await ask('dispatch.list', asked, signal)
  return { rows: dispatches, next, asOf }
}

/** One that came and went on out of the filter is none that waits to be shown. */
function withFresh(
  before: ReadonlySet<string>,
  steps: readonly LiveStep[],
  rows: Rows<Row>,
  fits: Fits,
): ReadonlySet<string> {
  let after: Set<string> | undefined
  for (const step of steps) {
    const { dispatch } = step
    const isIn = !rows.index.has(dispatch) && fits(step) !== 'no'
    if (isIn === (after ?? before).has(dispatch)) continue
    after ??= new Set(before)
    if (isIn) after.add(dispatch)
    else after.delete(dispatch)
  }
  return after ?? before
}
