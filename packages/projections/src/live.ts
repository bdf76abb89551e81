import { type LiveBundle, LIVE_VERSION, type LiveTransition, type Outcome } from '@waybill/core'
import type { FoldedBundle } from './fold.ts'
import { readHeld } from './held.ts'
import type { Move } from './projection.ts'
import type { DispatchTable } from './tables.ts'

export { liveBundle, type LiveBundle, type LiveTransition } from '@waybill/core'

/** What watchers are told of a bundle. */
export function liveOf({ header, seq, at, entries }: Told): LiveBundle {
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

/** Of a folded bundle, as much as watchers are told. */
export type Told = Omit<FoldedBundle, 'entries'> & {
  readonly entries: readonly { readonly moves: readonly Move[] }[]
}

function transitionOf({ before, after, fact }: Move): LiveTransition {
  const failure = fact.kind === 'transition' ? fact.record.error : undefined
  return {
    dispatch: after.id,
    index: after.transitions - 1,
    from: before?.state ?? null,
    to: after.state,
    at: after.at,
    event: eventOf(fact),
    type: after.type,
    binding: `${after.binding}@v${after.version}`,
    attempt: after.attempt,
    ...(failure && after.state !== 'succeeded' && { errorClass: failure.class }),
    ...whyOf(after),
  }
}

function eventOf(fact: Move['fact']): string {
  if (fact.kind === 'transition') return fact.event.type
  return fact.kind === 'dispatch.quarantined' ? 'quarantined' : fact.kind
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
