import { type Answer, unavailable } from '@waybill/api'
import type { Input, InputRef } from '@waybill/core'
import {
  type DispatchTable,
  type HistorySource,
  partitionOf,
  readEnds,
  readEvent,
  summaryOf,
} from '@waybill/projections'

/** A dispatch with its record, as its newest journal entry has it, and the event that began it. */
export async function detailOf(
  source: HistorySource,
  row: DispatchTable,
): Promise<Pick<Answer<'dispatch.get'>, 'dispatch' | 'event'>> {
  const partition = await source.db
    .selectFrom('partition')
    .select(['app', 'generation', 'slot'])
    .where('number', '=', partitionOf(row.number))
    .executeTakeFirstOrThrow()
  const { first, record } = await readEnds(source, row)
  if (!record) throw unavailable('the journal no longer holds its latest entry', { where: row.id })
  const input = first?.entry.input
  const lies = placeIn(input)
  const event = lies && (await readEvent(source.log, { ...lies, place: lies.index }))
  const { root, depth, parent } = row
  const known = { root, depth, path: [], ...(parent !== null && { parent }) }
  const chain = input && 'head' in input ? input.head.chain : known
  return {
    dispatch: { row: summaryOf(row), partition, record, chain },
    ...(event && { event }),
  }
}

/** Where the event lies that the input brought: now, or once a pause of its binding was over. */
function placeIn(input: Input | undefined): InputRef | undefined {
  if (input?.kind === 'held') return input.place
  return input?.kind === 'event' ? input.ref : undefined
}
