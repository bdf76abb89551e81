import {
  bucketsCount,
  restorePartition,
  snapshotHash,
  type Hash,
  type Partition,
  type PartitionId,
} from '@waybill/core'
import { journalOf } from '@waybill/history'
import {
  decodeBundle,
  streamNames,
  subjects,
  tail,
  type BundleHeader,
  type EventLog,
  type JournalPosition,
  type SnapshotStore,
  type Topology,
} from '@waybill/log'
import { CliError } from './error.ts'
import { exit } from './exit.ts'

/** What reading journals takes; a LogConnection has it, and so has any test. */
export interface Journals {
  readonly log: EventLog
  readonly snapshots: SnapshotStore
  readonly topology: Topology
}

/** Where a replay begins: the partition's first bundle, or a state that was written down. */
export interface Start {
  readonly partition?: Partition
  readonly after?: JournalPosition
}

/**
 * The newest snapshot that is older than `before`; without one, the beginning.
 *
 * @throws CliError when neither the beginning nor a snapshot is kept
 */
export async function startOf(
  journals: Journals,
  id: PartitionId,
  before?: number,
): Promise<Start> {
  const isWhole = await beginsAtOne(journals, id)
  if (isWhole && before === undefined) return {}
  const snapshot = await newestSnapshot(journals, id, before ?? Infinity)
  if (snapshot) return snapshot
  if (isWhole) return {}
  throw new CliError({
    code: 'WB4105',
    what: 'the beginning of the journal is not kept, and no snapshot of it either',
    where: `partition ${id.app}/${id.slot}`,
    why: 'without the state it began in, nothing can be decided again',
    next: 'waybill verify checks what is there',
    exitCode: exit.notFound,
  })
}

/** Each bundle names the newest checkpoint before it: a chain of pointers into the past. */
async function newestSnapshot(
  journals: Journals,
  id: PartitionId,
  before: number,
): Promise<Start | undefined> {
  const { log, topology } = journals
  const stream = streamNames(topology).journal
  let pointer = (await tail(log, stream, subjects(topology).journal(id.app, id.slot)))?.header
    .checkpoint
  while (pointer) {
    const stored = await log.get(stream, pointer.position)
    if (!stored) return undefined
    const { header, hash } = decodeBundle(log.hash, stored.bytes)
    const partition = stored.at <= before ? await restored(journals, id, pointer) : undefined
    if (partition) return { partition, after: { seq: stored.seq, number: header.number, hash } }
    pointer = header.checkpoint
  }
  return undefined
}

async function beginsAtOne(journals: Journals, id: PartitionId): Promise<boolean> {
  for await (const { header } of journalOf(journals, id)) return header.number === 1
  return true
}

/** Undefined: it is gone, as older ones are. */
async function restored(
  { snapshots, log }: Journals,
  id: PartitionId,
  pointer: NonNullable<BundleHeader['checkpoint']>,
): Promise<Partition | undefined> {
  const buckets: Uint8Array[] = []
  for (let index = 0; index < bucketsCount; index++) {
    const bytes = await snapshots.get(`${pointer.snapshot}/${index}`)
    if (!bytes) return undefined
    buckets.push(bytes)
  }
  checkSnapshot(log.hash, id, pointer, buckets)
  return restorePartition(id, log.hash, buckets)
}

function checkSnapshot(
  hash: Hash,
  id: PartitionId,
  pointer: NonNullable<BundleHeader['checkpoint']>,
  buckets: readonly Uint8Array[],
): void {
  const found = snapshotHash(
    hash,
    buckets.map((bytes) => hash.bytes(bytes)),
  )
  if (found === pointer.hash) return
  throw new CliError({
    code: 'WB4106',
    what: 'a snapshot is not what the journal says it is',
    where: `${pointer.snapshot} of partition ${id.app}/${id.slot}`,
    why: `its hash is ${found}, the checkpoint names ${pointer.hash}`,
    exitCode: exit.failed,
  })
}
