import type { Change, Move, Projection } from './projection.ts'
import type { MinuteCountTable } from './tables.ts'
import { tookClass } from './took.ts'

const minuteMs = 60_000

/** Counts per binding version: dispatches in each state now, and what happened in each minute. */
export const statistics: Projection = {
  tables: ['state_count', 'minute_count'],
  fold: (entry, _place, moves) => moves.flatMap((move) => counted(move, entry.at)),
}

/** What was skipped, cancelled or superseded says nothing of how fast things are. */
const ran: ReadonlySet<string> = new Set(['succeeded', 'failed', 'dlq'])

function counted({ before, after, fact }: Move, at: number): Change[] {
  // What becomes of a dead letter is no move of the dispatch that died.
  if (fact.kind === 'dead.redriven' || fact.kind === 'dead.discarded') return []
  const { app, binding, version, state } = after
  const minute = Math.floor(at / minuteMs)
  const now = (of: typeof state, count: number): Change => ({
    table: 'state_count',
    row: { app, binding, version, state: of, count },
  })
  const then = (what: MinuteCountTable['what']): Change => ({
    table: 'minute_count',
    row: { app, binding, version, minute, what, count: 1 },
  })
  const took = ran.has(state) ? [then(`took.${tookClass(at - after.started_at)}`)] : []
  if (before === undefined) return [now(state, 1), then('started'), then(state), ...took]
  // A lost attempt begins anew in the same state: an entry into it, but no other state.
  if (before.state === state) return [then(state)]
  return [now(before.state, -1), now(state, 1), then(state), ...took]
}
