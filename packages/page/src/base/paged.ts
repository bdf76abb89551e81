import { useCallback, useEffect, useRef, useState } from 'react'
import { live } from '../live/live.ts'
import { type Problem, problemOf } from './api.ts'

/** Rows in the order in which they came, found by their key. */
export interface Rows<Row> {
  readonly all: readonly Row[]
  readonly index: ReadonlyMap<string, number>
}

export interface PageOf<Row> {
  readonly rows: readonly Row[]
  readonly next?: string | undefined
  readonly asOf: Readonly<Record<string, number>>
}

export interface Paged<Row> {
  readonly rows: Rows<Row>
  /** Cursor of the page behind them; undefined: there is none. */
  readonly next?: string | undefined
  readonly loading: boolean
  readonly error?: Problem | undefined
  /** When the first page came; how far it had read. */
  readonly at?: number | undefined
  readonly asOf: Readonly<Record<string, number>>
}

export const noRows: Rows<never> = { all: [], index: new Map() }
const empty: Paged<never> = { rows: noRows, loading: true, asOf: {} }

interface Source<Row> {
  /** Says all there is to say about what is asked; another key is another list. */
  readonly key: string
  readonly read: (cursor: string | undefined, signal: AbortSignal) => Promise<PageOf<Row>>
  readonly keyOf: (row: Row) => string
}

/** A list that grows at its end as one scrolls: cursors, never page numbers. */
export function usePaged<Row>(source: Source<Row>) {
  const [list, setList] = useState<Paged<Row>>(empty)
  const running = useRef<AbortController>(undefined)
  const latest = useRef(source)
  latest.current = source
  const read = useCallback((cursor?: string) => {
    running.current?.abort()
    const controller = new AbortController()
    running.current = controller
    const { read: readPage, keyOf } = latest.current
    setList((now) => ({ ...now, loading: true }))
    readPage(cursor, controller.signal).then(
      (page) => controller.signal.aborted || setList((now) => withPage(now, page, cursor, keyOf)),
      (thrown: unknown) =>
        controller.signal.aborted ||
        setList((now) => ({ ...now, error: problemOf(thrown), loading: false })),
    )
  }, [])
  useEffect(() => {
    setList(empty)
    read()
    return () => running.current?.abort()
  }, [source.key, read])
  const reload = useCallback(() => read(), [read])
  useEffect(() => live.onReset(reload), [reload])
  const { next, loading } = list
  const loadMore = useCallback(() => {
    if (next !== undefined && !loading) read(next)
  }, [next, loading, read])
  const changeRows = useCallback(
    (change: (rows: Rows<Row>) => Rows<Row>) =>
      setList((now) => {
        const rows = change(now.rows)
        return rows === now.rows ? now : { ...now, rows }
      }),
    [],
  )
  return { list, loadMore, reload, changeRows }
}

function withPage<Row>(
  now: Paged<Row>,
  { rows, next, asOf }: PageOf<Row>,
  cursor: string | undefined,
  keyOf: (row: Row) => string,
): Paged<Row> {
  if (cursor === undefined) {
    return { rows: added(noRows, rows, keyOf), next, loading: false, at: Date.now(), asOf }
  }
  return { ...now, rows: added(now.rows, rows, keyOf), next, loading: false, error: undefined }
}

/** One that moved to a later page while we read stays where it was. */
export function added<Row>(
  before: Rows<Row>,
  page: readonly Row[],
  keyOf: (row: Row) => string,
): Rows<Row> {
  const index = new Map(before.index)
  const all = [...before.all]
  for (const row of page) {
    const key = keyOf(row)
    if (index.has(key)) continue
    index.set(key, all.length)
    all.push(row)
  }
  return { all, index }
}
