import type { InputOf, Verdict } from '@waybill/core'
import { type Change, type Move, nothing, type Place, type Projection } from './projection.ts'
import { ordinalOf } from './tables.ts'

/**
 * What became of each event at each app. Only bindings whose types matched were judged, so only
 * those stand in a row; all others of that moment did not match its type, and which they were is
 * known from the number of the definitions in force.
 */
export const eventVerdicts: Projection = {
  tables: ['event', 'event_duplicate', 'event_release'],
  fold({ at, input, facts }, place, moves) {
    if (input.kind === 'held') return [released(input, at, place, moves)]
    if (input.kind !== 'event') return nothing
    const [first] = facts
    if (first?.kind === 'event.seen') return [seen(input, at, place, moves)]
    if (first?.kind !== 'event.duplicate') return nothing
    const row = { id: input.head.id, app: place.app, duplicates: 1 }
    return [{ table: 'event_duplicate', row: { ...row, divergent: first.divergent ? 1 : 0 } }]
  },
}

function seen(
  { ref, head, verdicts }: InputOf<'event'>,
  at: number,
  place: Place,
  moves: readonly Move[],
): Change {
  return {
    table: 'event',
    row: {
      id: head.id,
      app: place.app,
      stream: ref.stream,
      seq: ref.seq,
      place: ref.index,
      partition: place.partition,
      type: head.type,
      source: head.source,
      subject: head.subject ?? null,
      tenant: head.tenant,
      time: head.time,
      at,
      root: head.chain.root,
      depth: head.chain.depth,
      journal_seq: place.seq,
      journal_place: place.ordinal,
      definitions: place.definitions,
      verdicts: judged(verdicts),
      ...startedBy(moves),
    },
  }
}

function released(
  { place: { seq, index }, head, verdicts }: InputOf<'held'>,
  at: number,
  place: Place,
  moves: readonly Move[],
): Change {
  return {
    table: 'event_release',
    row: {
      id: head.id,
      app: place.app,
      seq,
      place: index,
      journal_seq: place.seq,
      journal_place: place.ordinal,
      partition: place.partition,
      at,
      verdicts: judged(verdicts),
      ...startedBy(moves),
    },
  }
}

const judged = (verdicts: readonly Verdict[]): string =>
  JSON.stringify(
    verdicts.map(({ binding, result, reason }) =>
      reason === undefined ? [binding, result] : [binding, result, reason],
    ),
  )

/** What began in this entry; it may have moved others on. */
function startedBy(moves: readonly Move[]): { first_ordinal: number | null; dispatches: number } {
  const began = moves.filter(({ fact }) => fact.kind === 'transition' && fact.origin !== undefined)
  const [first] = began
  const first_ordinal = first === undefined ? null : ordinalOf(first.after.number)
  return { first_ordinal, dispatches: began.length }
}
