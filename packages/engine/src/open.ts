import { setImmediate } from 'node:timers/promises'
import {
  apply,
  createPartition,
  RULES,
  type Hash,
  type Partition,
  type PartitionId,
  type Position,
} from '@waybill/core'
import {
  decodeBundle,
  decodeEntry,
  streamNames,
  subjects,
  tail,
  walk,
  type EventLog,
  type JournalBundle,
  type JournalPosition,
  type SnapshotStore,
  type StreamInfo,
  type Topology,
} from '@waybill/log'
import type { JournalHead } from './commit.ts'
import { InputLost, JournalBroken, RulesUnknown } from './fault.ts'
import { streamOf } from './lanes.ts'
import { readSnapshot } from './snapshot.ts'

export interface OpenPorts {
  readonly log: EventLog
  readonly snapshots: SnapshotStore
  readonly topology: Topology
  readonly sliceMsMax: number
  readonly signal: AbortSignal
}

/** A partition as its journal has it, before this host's epoch. */
export interface Recovered {
  readonly partition: Partition
  readonly head: JournalHead
  /** Entries folded after the checkpoint, and the time of the first of them. */
  readonly folded: number
  readonly since: number | undefined
  /** When each input stream was created. */
  readonly streams: Readonly<Record<string, string>>
  /** The process of the server that told all this. */
  readonly session: string
}

/**
 * Newest snapshot, then the tail of the journal, then a look at the streams: is what this partition
 * has read still what stands there? Nothing is decided here and nothing is written.
 *
 * @throws a fault of kind `halt` when the journal or an input is not what it was
 */
export async function recover(id: PartitionId, ports: OpenPorts): Promise<Recovered> {
  const { log, topology, sliceMsMax, signal } = ports
  const session = log.session()
  const stream = streamNames(topology).journal
  const subject = subjects(topology).journal(id.app, id.slot)
  const last = await tail(log, stream, subject)
  const { partition, after } = await checkpointOf(id, ports, last)
  let head: JournalHead = after ?? { seq: 0, number: 0, hash: undefined }
  let folded = 0
  let since: number | undefined
  let sliceBegan = performance.now()
  for await (const bundle of walk({ log, stream, subject, after, signal })) {
    if (!after && folded === 0 && bundle.header.number !== 1) {
      throw new JournalBroken(subject, bundle.seq, `begins at bundle ${bundle.header.number}`)
    }
    since ??= bundle.at
    fold(partition, bundle, subject)
    folded += bundle.entries.length
    head = { seq: bundle.seq, number: bundle.header.number, hash: bundle.hash }
    if (performance.now() - sliceBegan < sliceMsMax) continue
    await setImmediate()
    sliceBegan = performance.now()
  }
  const streams = await checkInputs(partition, ports, partition.positions)
  return { partition, head, folded, since, streams, session }
}

async function checkpointOf(
  id: PartitionId,
  { log, snapshots, topology }: OpenPorts,
  last: JournalBundle | undefined,
): Promise<{ partition: Partition; after: JournalPosition | undefined }> {
  const pointer = last?.header.checkpoint
  if (!pointer) return { partition: createPartition(id, log.hash), after: undefined }
  const { position: seq, number } = pointer
  const partition = await readSnapshot(id, { hash: log.hash, snapshots }, pointer)
  const subject = subjects(topology).journal(id.app, id.slot)
  const stored = await log.get(streamNames(topology).journal, seq)
  if (stored?.subject !== subject) {
    throw new JournalBroken(subject, seq, 'the bundle of the newest checkpoint is not there')
  }
  const { header, hash } = decodeBundle(log.hash, stored.bytes)
  if (header.number !== number) {
    throw new JournalBroken(
      subject,
      seq,
      `bundle ${header.number} where ${number} was checkpointed`,
    )
  }
  return { partition, after: { seq, number, hash } }
}

function fold(
  partition: Partition,
  { header, entries, seq }: JournalBundle,
  subject: string,
): void {
  if (header.rules > RULES) throw new RulesUnknown(subject, header.rules, RULES)
  try {
    for (const bytes of entries) apply(partition, decodeEntry(bytes), partition.hash.bytes(bytes))
  } catch (cause) {
    throw new JournalBroken(subject, seq, 'an entry cannot be folded', { cause })
  }
  if (!samePositions(partition.positions, header.positions)) {
    throw new JournalBroken(subject, seq, 'its entries end elsewhere than its header says')
  }
}

function samePositions(
  reached: ReadonlyMap<string, Position>,
  said: Readonly<Record<string, Position>>,
): boolean {
  if (Object.keys(said).length !== reached.size) return false
  for (const [name, { seq, index }] of reached) {
    if (said[name]?.seq !== seq || said[name].index !== index) return false
  }
  return true
}

/** Is the last bundle of a partition, and what it has read, still there? */
export async function stands(
  partition: Partition,
  ports: Pick<OpenPorts, 'log' | 'topology'>,
  head: JournalHead,
  read: readonly Readonly<Record<string, Position>>[],
): Promise<boolean> {
  const { log, topology } = ports
  if (head.seq > 0) {
    const last = await log.get(streamNames(topology).journal, head.seq)
    if (!last || log.hash.bytes(last.bytes) !== head.hash) return false
  }
  try {
    await checkInputs(partition, ports, read.flatMap(Object.entries<Position>))
    return true
  } catch (cause) {
    if (cause instanceof InputLost) return false
    throw cause
  }
}

async function checkInputs(
  partition: Partition,
  { log, topology }: Pick<OpenPorts, 'log' | 'topology'>,
  positions: Iterable<readonly [string, Position]>,
): Promise<Record<string, string>> {
  const { events, mail, defs } = streamNames(topology)
  const infos = new Map<string, StreamInfo>()
  for (const name of [events, mail, defs]) infos.set(name, await log.info(name))
  for (const [name, position] of positions) {
    const info = infos.get(streamOf(name))
    if (info) await checkPosition(partition, log, info, position)
  }
  return Object.fromEntries([...infos].map(([name, { createdAt }]) => [name, createdAt]))
}

async function checkPosition(
  { streams, hash }: { readonly streams: Partition['streams']; readonly hash: Hash },
  log: EventLog,
  { name, createdAt, firstSeq, lastSeq }: StreamInfo,
  position: Position,
): Promise<void> {
  const { seq } = position
  const before = streams[name]
  if (before !== undefined && before !== createdAt) {
    throw new InputLost(name, seq, 'recreated', `created ${createdAt}, was read as of ${before}`)
  }
  if (lastSeq < seq) throw new InputLost(name, seq, 'cut short', `ends at ${lastSeq}`)
  // Where the app's first deploy found the stream: nothing up to there was ever read.
  if (position.hash === '') {
    if (firstSeq > seq + 1) throw new InputLost(name, seq, 'purged', `begins at ${firstSeq}`)
    return
  }
  const found = await log.get(name, seq)
  if (!found) throw new InputLost(name, seq, 'purged', `holds ${firstSeq} to ${lastSeq}`)
  if (hash.bytes(found.bytes) !== position.hash) {
    throw new InputLost(name, seq, 'rewritten', 'another message stands there')
  }
}
