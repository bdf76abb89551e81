import type { Answer } from '@waybill/api'
import { type EventLog, streamNames, type Topology } from '@waybill/log'

type Stream = Answer<'stream.list'>['streams'][number]
type Log = Pick<EventLog, 'info' | 'get'>

const kinds = ['events', 'journal', 'mail', 'defs', 'ops', 'outcomes'] as const

export function streamsOf(log: Log, topology: Topology): Promise<Stream[]> {
  const names = streamNames(topology)
  return Promise.all(kinds.map((holds) => streamOf(log, names[holds], holds)))
}

async function streamOf(log: Log, name: string, holds: Stream['holds']): Promise<Stream> {
  const info = await log.info(name)
  const at = async (seq: number) => (seq === 0 ? undefined : (await log.get(name, seq))?.at)
  const [firstAt, lastAt] = await Promise.all([at(info.firstSeq), at(info.lastSeq)])
  return {
    ...info,
    holds,
    ...(firstAt !== undefined && { firstAt }),
    ...(lastAt !== undefined && { lastAt }),
  }
}
