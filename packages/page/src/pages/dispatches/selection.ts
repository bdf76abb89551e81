import { useCallback, useRef, useState } from 'react'
import type { RequestOf } from '@waybill/api'
import { ask, problemOf } from '../../base/api.ts'
import { say } from '../../ui/said.tsx'
import type { Selection } from '../../ui/table.tsx'
import type { Chosen } from './bulk.tsx'
import type { Rows } from '../../base/paged.ts'
import type { Row } from './rows.ts'

export interface Chosens {
  readonly all: ReadonlyMap<string, Chosen>
  /** Chosen by the filter, and when; undefined: one by one. */
  readonly byFilter: boolean
  readonly at: number
  /** How many were found so far, while the filter is being read. */
  readonly reading: number | undefined
}

const none: Chosens = { all: new Map(), byFilter: false, at: 0, reading: undefined }
/** More than this is no longer something that a person chose. */
const chosenMax = 50_000

export function useSelection(rows: Rows<Row>, request: RequestOf<'dispatch.list'>) {
  const [chosens, setChosens] = useState(none)
  const last = useRef<string>(undefined)
  const reading = useRef<AbortController>(undefined)
  const latest = useRef(rows)
  latest.current = rows

  const toggle = useCallback((id: string, upTo: boolean): void => {
    const ids = upTo ? between(latest.current, last.current, id) : [id]
    last.current = id
    setChosens((now) => toggled(now, ids, latest.current))
  }, [])
  const clear = useCallback(() => {
    reading.current?.abort()
    setChosens(none)
  }, [])
  const chooseAll = (): void => {
    const controller = new AbortController()
    reading.current = controller
    setChosens((now) => ({ ...now, reading: 0 }))
    readAll(request, controller.signal, (all, done) =>
      setChosens({ all, byFilter: true, at: Date.now(), reading: done ? undefined : all.size }),
    ).catch((thrown: unknown) => {
      setChosens(none)
      if (!controller.signal.aborted) say(problemOf(thrown).body.what)
    })
  }
  const selection: Selection = { has: (id) => chosens.all.has(id), toggle }
  return { chosens, selection, clear, chooseAll }
}

function toggled(now: Chosens, ids: readonly string[], rows: Rows<Row>): Chosens {
  const all = new Map(now.all)
  const isOn = !ids.every((id) => all.has(id))
  for (const id of ids) {
    const row = rows.all[rows.index.get(id) ?? -1]
    if (isOn && row) all.set(id, chosenOf(row))
    else all.delete(id)
  }
  return { all, byFilter: false, at: Date.now(), reading: undefined }
}

function between(rows: Rows<Row>, from: string | undefined, to: string): string[] {
  const [a, b] = [rows.index.get(from ?? to) ?? 0, rows.index.get(to) ?? 0]
  return rows.all.slice(Math.min(a, b), Math.max(a, b) + 1).map(({ id }) => id)
}

const chosenOf = ({ id, app, state }: Row): Chosen => ({ id, app, state })

/** Reads the filter to its end: what is acted on is what was counted, not what fits a minute later. */
async function readAll(
  request: RequestOf<'dispatch.list'>,
  signal: AbortSignal,
  found: (all: Map<string, Chosen>, done: boolean) => void,
): Promise<void> {
  const all = new Map<string, Chosen>()
  let cursor: string | undefined
  do {
    const page = await ask(
      'dispatch.list',
      { ...request, limit: 500, ...(cursor !== undefined && { cursor }) },
      signal,
    )
    for (const row of page.dispatches) all.set(row.id, chosenOf(row))
    cursor = page.next
    found(new Map(all), cursor === undefined || all.size >= chosenMax)
  } while (cursor !== undefined && all.size < chosenMax)
}
