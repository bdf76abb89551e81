import {
  bucketsCount,
  decode,
  defChange,
  restorePartition,
  snapshotHash,
  type Hash,
  type Partition,
  type PartitionId,
} from '@waybill/core'
import {
  decodeBundle,
  streamNames,
  subjects,
  tail,
  walk,
  type BundleHeader,
  type EventLog,
  type JournalBundle,
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

/** Every partition that has written something, by app and slot. */
export async function partitions(
  { log, topology }: Pick<Journals, 'log' | 'topology'>,
  app?: string,
): Promise<readonly PartitionId[]> {
  const { prefix, generation } = topology
  const start = `${prefix}.journal.${generation}.`
  const filter = app === undefined ? `${start}>` : `${start}${app}.>`
  const found = await log.subjects(streamNames(topology).journal, filter)
  return [...found.keys()]
    .map((subject) => subject.slice(start.length).split('.'))
    .map(([name = '', slot]) => ({ app: name, generation, slot: Number(slot) }))
    .sort((a, b) => (a.app === b.app ? a.slot - b.slot : a.app < b.app ? -1 : 1))
}

/** Every app that was ever deployed, whether it has written something or not. */
export async function deployedApps({
  log,
  topology,
}: Pick<Journals, 'log' | 'topology'>): Promise<readonly string[]> {
  const start = `${topology.prefix}.def.`
  const found = await log.subjects(streamNames(topology).defs, `${start}>`)
  return [...found.keys()].map((subject) => subject.slice(start.length)).sort()
}

/** The last event before an app's first deploy: what came until then is not its business. */
export async function firstDeploy(
  { log, topology }: Pick<Journals, 'log' | 'topology'>,
  app: string,
): Promise<{ seq: number; index: number }> {
  const range = { stream: streamNames(topology).defs, subjects: [subjects(topology).def(app)] }
  for await (const { bytes } of log.read({ ...range, fromSeq: 1 })) {
    const change = defChange.parse(decode(bytes))
    if (change.kind !== 'deploy') continue
    return { seq: change.eventsFrom.seq, index: Number.MAX_SAFE_INTEGER }
  }
  return { seq: 0, index: Number.MAX_SAFE_INTEGER }
}

export function journalOf(
  { log, topology }: Pick<Journals, 'log' | 'topology'>,
  { app, slot }: PartitionId,
  options: { readonly after?: JournalPosition | undefined; readonly signal?: AbortSignal } = {},
): AsyncGenerator<JournalBundle, void> {
  const stream = streamNames(topology).journal
  return walk({ log, stream, subject: subjects(topology).journal(app, slot), ...options })
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
