import type { DispatchRow } from '@waybill/api'
import type { DispatchState } from '@waybill/core'
import type { Rows } from '../../base/paged.ts'
import type { LiveStep } from '../../live/conflate.ts'

/** A row as the list answered it, and what was heard of it since. */
export interface Row extends DispatchRow {
  readonly news?: LiveStep
  /** It no longer fits the filter; it stays where it is until the list is read anew. */
  readonly gone?: boolean
}

export const keyOf = ({ id }: Row): string => id

/** Rows change in place and never move. The same object when nothing changed. */
export function withSteps(
  rows: Rows<Row>,
  steps: readonly LiveStep[],
  stays: (step: LiveStep) => boolean,
): Rows<Row> {
  let all: Row[] | undefined
  for (const step of steps) {
    const at = rows.index.get(step.dispatch)
    if (at === undefined) continue
    const before = (all ?? rows.all)[at]
    if (before === undefined || step.index < before.transitions) continue
    all ??= [...rows.all]
    all[at] = moved(before, step, !stays(step))
  }
  return all ? { all, index: rows.index } : rows
}

function moved(row: Row, step: LiveStep, gone: boolean): Row {
  const { held: _, dueAt: __, ...same } = row
  return {
    ...same,
    state: step.to,
    at: step.at,
    attempt: step.attempt,
    transitions: step.index + 1,
    news: step,
    gone,
  }
}

/** Every "no" explains itself: the reason, or the last error. */
export function whyOf(row: Row): string {
  const { news, held, outcome, error } = row
  if (news) return [news.why, news.errorClass].filter((one) => one !== undefined).join(' ')
  if (held) return held.why
  switch (outcome?.status) {
    case 'skipped':
      return outcome.reason
    case 'cancelled':
      return `by ${outcome.by}: ${outcome.reason}`
    case 'superseded':
      return `by ${outcome.by}`
    case 'succeeded':
      return ''
    case 'failed':
    case 'dlq':
    case undefined:
      return error ? `${error.name}: ${error.message}` : ''
  }
}

/** Behind the state: what it waits for, what it died of. */
export function detailOf({ state, waitFor, outcome, news }: Row): string | undefined {
  if (state === 'waiting') return waitFor
  if (news) return state === 'dlq' ? news.why : undefined
  if (outcome?.status === 'dlq') return outcome.reason
  if (outcome?.status === 'skipped') return outcome.stage
  return undefined
}

/** How many of them are in each state. */
export function countByState(rows: Iterable<{ readonly state: DispatchState }>) {
  const counts = new Map<DispatchState, number>()
  for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1)
  return counts
}
