import { setImmediate } from 'node:timers/promises'
import {
  bucketsCount,
  encodeBuckets,
  freeze,
  restorePartition,
  snapshotHash,
  type EffectResult,
  type Frozen,
  type Hash,
  type Partition,
  type PartitionId,
} from '@waybill/core'
import type { SnapshotStore } from '@waybill/log'
import type { Clock } from './clock.ts'
import type { Committed } from './commit.ts'
import { SnapshotBroken } from './fault.ts'
import type { HostLimits } from './limits.ts'

export interface SnapshotPorts {
  readonly hash: Hash
  readonly snapshots: SnapshotStore
}

export interface CheckpointPorts extends SnapshotPorts {
  readonly partition: Partition
  readonly clock: Clock
  readonly limits: HostLimits
  /** Entries that a recovery would have to fold by now, and since when. */
  readonly folded: number
  readonly since: number | undefined
  /** Brings `checkpointed` back into the partition. */
  result(effect: string, result: EffectResult): void
  failed(cause: unknown): void
}

/** Writes down a partition's state now and then, so that a recovery need not begin at the start. */
export interface Checkpoints {
  /** Called at the border of a bundle: the state, if it is time to write it down. */
  freeze(): Frozen | undefined
  /** A bundle is in the log; if it was frozen, its state is stored from now on, in slices. */
  committed(bundle: Committed): void
  /** Resolves when nothing is being stored. */
  settled(): Promise<void>
  readonly written: number
}

export function createCheckpoints(ports: CheckpointPorts): Checkpoints {
  const { partition, clock, limits } = ports
  let entries = ports.folded
  let since = ports.since ?? clock.now()
  let writing: Promise<void> | undefined
  let frozenAhead = false
  let written = 0

  function isDue(): boolean {
    if (writing || frozenAhead || entries === 0) return false
    return entries >= limits.checkpointEntries || clock.now() - since >= limits.checkpointEveryMs
  }

  async function write(frozen: Frozen, { seq, header }: Committed): Promise<void> {
    const { app, generation, slot } = partition
    const home = `${app}.${generation}-${slot}/`
    const snapshot = `${home}${seq}`
    try {
      // A bundle that records a checkpoint still names the one before; until the next bundle is in,
      // a recovery begins there.
      const named = header.checkpoint?.position
      await prune(ports, home, [seq, partition.checkpoint?.position, named])
      const hash = await store(ports, snapshot, frozen, limits.sliceMsMax)
      written += 1
      const { number } = header
      const result = { status: 'checkpointed', position: seq, number, hash, snapshot } as const
      ports.result(`checkpoint:${number}:0`, result)
    } catch (cause) {
      ports.failed(cause)
    } finally {
      writing = undefined
    }
  }

  return {
    freeze() {
      if (!isDue()) return undefined
      frozenAhead = true
      return freeze(partition)
    },
    committed(bundle) {
      entries += bundle.entries.length
      if (!bundle.frozen) return
      frozenAhead = false
      entries = 0
      since = clock.now()
      writing = write(bundle.frozen, bundle)
    },
    settled: () => writing ?? Promise.resolve(),
    get written() {
      return written
    },
  }
}

/** Bucket by bucket; the partition goes on in between. */
async function store(
  { hash, snapshots }: SnapshotPorts,
  snapshot: string,
  frozen: Frozen,
  sliceMsMax: number,
): Promise<string> {
  const hashes: string[] = []
  let sliceBegan = performance.now()
  for (const bucket of encodeBuckets(hash, frozen)) {
    if (bucket) {
      hashes.push(bucket.hash)
      await snapshots.put(`${snapshot}/${bucket.index}`, bucket.bytes)
    }
    if (performance.now() - sliceBegan < sliceMsMax) continue
    await setImmediate()
    sliceBegan = performance.now()
  }
  return snapshotHash(hash, hashes)
}

/** Keeps those the journal points at beside the new one; drops older ones and half-written ones. */
async function prune(
  { snapshots }: SnapshotPorts,
  home: string,
  keep: readonly (number | undefined)[],
): Promise<void> {
  const newest = Math.max(...keep.map((seq) => seq ?? 0))
  for (const name of await snapshots.list(home)) {
    const seq = Number(name.slice(home.length).split('/')[0])
    if (seq < newest && !keep.includes(seq)) await snapshots.remove(name)
  }
}

/** @throws SnapshotBroken when it is not there, or not what the journal says it is */
export async function readSnapshot(
  id: PartitionId,
  { hash, snapshots }: SnapshotPorts,
  pointer: { readonly hash: string; readonly snapshot: string },
): Promise<Partition> {
  const { snapshot } = pointer
  const buckets: Uint8Array[] = []
  for (let index = 0; index < bucketsCount; index++) {
    const bytes = await snapshots.get(`${snapshot}/${index}`)
    if (!bytes) throw new SnapshotBroken(snapshot, `bucket ${index} is not there`)
    buckets.push(bytes)
  }
  const found = snapshotHash(
    hash,
    buckets.map((bytes) => hash.bytes(bytes)),
  )
  if (found !== pointer.hash) throw new SnapshotBroken(snapshot, 'its hash is another one')
  try {
    return restorePartition(id, hash, buckets)
  } catch (cause) {
    throw new SnapshotBroken(snapshot, 'it cannot be restored', { cause })
  }
}
