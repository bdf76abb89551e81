import { attemptError, dispatchId, dispatchState, type Outcome, token } from '@waybill/core'
import { z } from 'zod'
import type { FoldedBundle } from './fold.ts'
import { readHeld } from './held.ts'
import type { Move } from './projection.ts'
import type { DispatchTable } from './tables.ts'

const LIVE_VERSION = 1

const count = z.int().nonnegative()

/** One transition, as short as a line about it can be. */
const liveTransition = z.object({
  dispatch: dispatchId,
  index: count,
  /** Null: it began. */
  from: dispatchState.nullable(),
  to: dispatchState,
  at: count,
  /** What happened: `attempt.failed`, or `quarantined`. */
  event: z.string(),
  type: z.string(),
  binding: z.string(),
  attempt: count,
  errorClass: attemptError.shape.class.optional(),
  /** What holds it, or ended it, where nobody would guess. */
  why: z.string().optional(),
})
export type LiveTransition = z.infer<typeof liveTransition>

/**
 * What `wb.live.<app>.<slot>` carries, once per bundle and after its rows are readable. It is not
 * stored: whoever sees a gap in `number` asks the api for what it missed.
 */
export const liveBundle = z.object({
  v: z.literal(LIVE_VERSION),
  app: token,
  generation: z.int().positive(),
  slot: count,
  /** Of the bundle in the journal's stream, and its number in its partition. */
  seq: z.int().positive(),
  number: z.int().positive(),
  epoch: z.int().positive(),
  /** Server time of the bundle. */
  at: count,
  entries: count,
  transitions: z.array(liveTransition),
  /** Transitions left out because the message would have been too large. */
  more: count,
})
export type LiveBundle = z.infer<typeof liveBundle>

export function liveOf({ header, seq, at, entries }: FoldedBundle): LiveBundle {
  const { app, generation, slot, number, epoch } = header
  return {
    v: LIVE_VERSION,
    app,
    generation,
    slot,
    seq,
    number,
    epoch,
    at,
    entries: entries.length,
    transitions: entries.flatMap(({ moves }) => moves.map(transitionOf)),
    more: 0,
  }
}

function transitionOf({ before, after, fact }: Move): LiveTransition {
  const failure = fact.kind === 'transition' ? fact.record.error : undefined
  return {
    dispatch: after.id,
    index: after.transitions - 1,
    from: before?.state ?? null,
    to: after.state,
    at: after.at,
    event: fact.kind === 'transition' ? fact.event.type : 'quarantined',
    type: after.type,
    binding: `${after.binding}@v${after.version}`,
    attempt: after.attempt,
    ...(failure && after.state !== 'succeeded' && { errorClass: failure.class }),
    ...whyOf(after),
  }
}

function whyOf({ held, outcome }: DispatchTable): { why?: string } {
  if (held !== null) return { why: readHeld(held).why }
  const ended = outcome === null ? undefined : (JSON.parse(outcome) as Outcome)
  switch (ended?.status) {
    case 'skipped':
      return { why: ended.reason }
    case 'cancelled':
      return { why: `by ${ended.by}: ${ended.reason}` }
    case 'superseded':
      return { why: `by ${ended.by}` }
    case 'dlq':
      return { why: ended.reason }
    case 'succeeded':
    case 'failed':
    case undefined:
      return {}
  }
}
