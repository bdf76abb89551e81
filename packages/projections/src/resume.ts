import { ChainBroken, type EventLog, PositionLost, type StreamInfo } from '@waybill/log'
import { JournalReplaced } from './fault.ts'
import type { Folder } from './fold.ts'
import type { PartitionTable } from './tables.ts'

export interface Resume {
  readonly log: Pick<EventLog, 'hash' | 'get' | 'last'>
  readonly info: StreamInfo
  readonly subjectOf: (partition: PartitionTable) => string
}

/**
 * Where to go on reading. Every position is compared with what the journal holds there now: a
 * stream that was made anew, set back or edited halts the partitions it concerns, and nothing is
 * skipped because a sequence looks familiar.
 *
 * @returns undefined when the stream is another one: then there is nothing to go on with
 */
export async function resume(where: Resume, folder: Folder): Promise<number | undefined> {
  const { info } = where
  const partitions = folder.partitions().filter(({ stream }) => stream === info.name)
  let fromSeq = Math.max(0, ...partitions.map(({ seq }) => seq)) + 1
  for (const partition of partitions) {
    const found = await compare(where, partition)
    if (found.cause) folder.halt({ ...partition, cause: found.cause })
    // One that was halted before lies behind the others: what it has not read is read again.
    else if (found.lastSeq > partition.seq) fromSeq = Math.min(fromSeq, partition.seq + 1)
  }
  if (partitions.some(({ stream_created }) => stream_created !== info.createdAt)) return undefined
  return Math.max(fromSeq, info.firstSeq, 1)
}

async function compare(
  { log, info, subjectOf }: Resume,
  partition: PartitionTable,
): Promise<{ cause?: Error; lastSeq: number }> {
  const { stream, stream_created, seq, bundle: number, hash } = partition
  const lost = () => ({ cause: new PositionLost(stream, seq + 1, info), lastSeq: info.lastSeq })
  if (stream_created !== info.createdAt) {
    return { cause: new JournalReplaced(stream, stream_created, info.createdAt), lastSeq: 0 }
  }
  if (info.lastSeq < seq) return lost()
  const subject = subjectOf(partition)
  const there = await log.get(stream, seq)
  // Purged by retention is no reason to halt: the next bundle names the hash of this one.
  if (there && log.hash.bytes(there.bytes) !== hash) {
    const why = 'another bundle was folded from there'
    return { cause: new ChainBroken({ subject, seq, number, why }), lastSeq: info.lastSeq }
  }
  const last = await log.last(stream, subject)
  return last === undefined || last.seq < seq ? lost() : { lastSeq: last.seq }
}
