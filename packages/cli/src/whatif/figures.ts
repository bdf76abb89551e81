import { labelIn } from '@waybill/core'
import type { RecordedDispatch, RecordedPartition } from './record.ts'

export interface Times {
  readonly p50: number
  readonly p95: number
  readonly max: number
}

/** What happened to the dispatches of a period. Times in ms. */
export interface Figures {
  readonly dispatches: number
  readonly states: Readonly<Record<string, number>>
  /** Why those that were skipped or dead-lettered were. */
  readonly reasons: Readonly<Record<string, number>>
  readonly attempts: { readonly total: number; readonly most: number }
  /** From its start to its first attempt. */
  readonly waitMs: Times
  /** From its start to its end. */
  readonly endMs: Times
  /** Attempts that ran at one time, at most. */
  readonly runningMost: number
  /** From the first start to the last end. */
  readonly spanMs: number
}

export interface BindingFigures extends Figures {
  readonly binding: string
}

export function figuresOf(partitions: readonly RecordedPartition[]): {
  all: Figures
  bindings: BindingFigures[]
} {
  const dispatches = partitions.flatMap((one) => [...one.dispatches.values()])
  const ids = [...new Set(dispatches.map(({ binding }) => idOf(binding)))].sort()
  return {
    all: count(dispatches),
    bindings: ids.map((binding) => ({
      binding,
      ...count(dispatches.filter((one) => idOf(one.binding) === binding)),
    })),
  }
}

const idOf = (key: string): string => key.slice(0, key.lastIndexOf('@'))

function count(dispatches: readonly RecordedDispatch[]): Figures {
  const ended = dispatches.filter(({ endedAt }) => endedAt !== undefined)
  const first = Math.min(...dispatches.map(({ startedAt }) => startedAt))
  const last = Math.max(...ended.map(({ endedAt }) => endedAt ?? 0))
  return {
    dispatches: dispatches.length,
    states: tally(dispatches.map(({ state }) => state)),
    reasons: tally(dispatches.flatMap(reasonOf)),
    attempts: {
      total: dispatches.reduce((sum, { attempts }) => sum + attempts, 0),
      most: Math.max(0, ...dispatches.map(({ attempts }) => attempts)),
    },
    waitMs: timesOf(
      dispatches.flatMap(({ startedAt, firstAttemptAt }) =>
        firstAttemptAt === undefined ? [] : [firstAttemptAt - startedAt],
      ),
    ),
    endMs: timesOf(ended.map(({ startedAt, endedAt = startedAt }) => endedAt - startedAt)),
    runningMost: mostAtOnce(dispatches),
    spanMs: ended.length === 0 ? 0 : Math.max(0, last - first),
  }
}

function reasonOf({ outcome }: RecordedDispatch): readonly string[] {
  if (outcome?.status === 'dlq') return [`dlq ${outcome.reason}`]
  if (outcome?.status !== 'skipped') return []
  if (outcome.stage !== 'gate') return [`skipped ${outcome.stage}`]
  // `<ledger>: <reason> (<numbers>)`: key and numbers differ from one to the next.
  const [ledger = '', reason = ''] = outcome.reason.split(' (', 1)[0]?.split(': ') ?? []
  return [`skipped ${labelIn(ledger)} ${reason}`.trim()]
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

function timesOf(values: readonly number[]): Times {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return { p50: at(0.5), p95: at(0.95), max: sorted.at(-1) ?? 0 }
}

/** One that begins in the millisecond in which another ends does not overlap it. */
function mostAtOnce(dispatches: readonly RecordedDispatch[]): number {
  const edges = dispatches.flatMap(({ runs }) =>
    runs.flatMap(({ startedAt, ms }) => [
      { at: startedAt, by: 1 },
      { at: startedAt + ms, by: -1 },
    ]),
  )
  edges.sort((a, b) => a.at - b.at || a.by - b.by)
  let now = 0
  let most = 0
  for (const { by } of edges) most = Math.max(most, (now += by))
  return most
}
