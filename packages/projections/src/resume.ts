import { ChainBroken, type EventLog, PositionLost, type StreamInfo } from '@waybill/log'
import type { PartitionRef } from './accept.ts'
import { JournalReplaced } from './fault.ts'
import type { Halted } from './fold.ts'
import type { PartitionTable } from './tables.ts'

export interface Resume {
  readonly log: Pick<EventLog, 'hash' | 'get' | 'last' | 'read'>
  readonly info: StreamInfo
  readonly subjectOf: (partition: PartitionTable) => string
}

export interface Resumed {
  /** Undefined: the stream holds nothing that these rows could go on with. */
  readonly fromSeq: number | undefined
  readonly halted: readonly Halted[]
}

/**
 * Where to go on reading. Every position is compared with what the journal holds there now: a
 * stream that was made anew, set back or edited halts the partitions it concerns, and nothing is
 * skipped because a sequence looks familiar.
 */
export async function resume(
  where: Resume,
  partitions: readonly PartitionTable[],
): Promise<Resumed> {
  const { info } = where
  const known = partitions.filter(({ stream }) => stream === info.name)
  const halted: Halted[] = []
  const sound: PartitionTable[] = []
  for (const partition of known) {
    const cause = await fault(where, partition)
    if (cause) halted.push({ ...refOf(partition), seq: partition.seq, cause })
    else sound.push(partition)
  }
  if (known.length > 0 && sound.length === 0) return { fromSeq: undefined, halted }
  const fromSeq = Math.max(0, ...sound.map(({ seq }) => seq)) + 1
  const behind = await Promise.all(sound.map((one) => firstUnread(where, one, fromSeq)))
  return { fromSeq: Math.max(Math.min(fromSeq, ...behind), info.firstSeq, 1), halted }
}

const refOf = ({ app, generation, slot }: PartitionTable): PartitionRef => ({
  app,
  generation,
  slot,
})

async function fault(
  { log, info, subjectOf }: Resume,
  partition: PartitionTable,
): Promise<Error | undefined> {
  const { stream, stream_created, seq, bundle: number, hash } = partition
  if (stream_created !== info.createdAt) {
    return new JournalReplaced(stream, stream_created, info.createdAt)
  }
  const subject = subjectOf(partition)
  const last = info.lastSeq < seq ? undefined : await log.last(stream, subject)
  if (last === undefined || last.seq < seq) return new PositionLost(stream, seq + 1, info)
  const there = await log.get(stream, seq)
  // Purged by retention is no fault: the next bundle has to name the hash of this one.
  if (!there || log.hash.bytes(there.bytes) === hash) return undefined
  return new ChainBroken({ subject, seq, number, why: 'another bundle was folded from there' })
}

/** A partition that was halted before lies behind the others: what it left is read again. */
async function firstUnread(
  { log, info, subjectOf }: Resume,
  partition: PartitionTable,
  before: number,
): Promise<number> {
  const { seq } = partition
  if (seq + 1 >= before) return before
  const subjects = [subjectOf(partition)]
  const range = { stream: info.name, subjects, fromSeq: seq + 1, toSeq: before - 1 }
  for await (const message of log.read(range)) return message.seq
  return before
}
