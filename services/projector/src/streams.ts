import type { Answer } from '@waybill/api'
import { type EventLog, streamNames, type Topology } from '@waybill/log'

type Stream = Answer<'stream.list'>['streams'][number]

const kinds = ['events', 'journal', 'mail', 'defs', 'ops', 'outcomes'] as const

export function streamsOf(log: Pick<EventLog, 'info'>, topology: Topology): Promise<Stream[]> {
  const names = streamNames(topology)
  return Promise.all(kinds.map(async (holds) => ({ ...(await log.info(names[holds])), holds })))
}
