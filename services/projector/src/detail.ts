import { type Answer, unavailable } from '@waybill/api'
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
  const event =
    input?.kind === 'event'
      ? await readEvent(source.log, { ...input.ref, place: input.ref.index })
      : undefined
  const { root, depth, parent } = row
  const known = { root, depth, path: [], ...(parent !== null && { parent }) }
  const chain = input?.kind === 'event' ? input.head.chain : known
  return {
    dispatch: { row: summaryOf(row), partition, record, chain },
    ...(event && { event }),
  }
}
