import { notFound } from '@waybill/api'
import type { WaybillEvent } from '@waybill/core'
import type { EventLog } from '@waybill/log'
import { readEvent, type RowStore } from '@waybill/projections'

/** The envelope of an event that some app has read, newest sighting first. */
export async function eventOf(
  db: RowStore['db'],
  log: Pick<EventLog, 'get'>,
  id: string,
): Promise<WaybillEvent> {
  const places = await db
    .selectFrom('event')
    .select(['stream', 'seq', 'place'])
    .distinct()
    .where('id', '=', id)
    .orderBy('seq', 'desc')
    .execute()
  for (const place of places) {
    const event = await readEvent(log, place)
    if (event) return event
  }
  throw notFound('event', id, 'it was known, but retention has removed it')
}
