import {
  apply,
  createPartition,
  encodeBuckets,
  freeze,
  restorePartition,
  type Partition,
} from '../../src/index.ts'
import { decodeEntry } from '../partition/world.ts'
import { beginEpoch, plain, type Site, type World } from './world.ts'

export function keepSnapshot(site: Site): void {
  const buckets = [...encodeBuckets(plain, freeze(site.partition))].flatMap((bucket) =>
    bucket ? [bucket.bytes] : [],
  )
  site.snapshot = { buckets, covers: site.stepped.length }
}

/** From the snapshot and the entries after it, or from the entries alone. */
export function rebuilt(world: World, site: Site, fromSnapshot: boolean): Partition {
  const { snapshot } = site
  const from = fromSnapshot && snapshot ? snapshot.covers : 0
  const partition =
    fromSnapshot && snapshot
      ? restorePartition(site.id, world.hash, snapshot.buckets)
      : createPartition(site.id, world.hash)
  for (const { bytes, hash } of site.stepped.slice(from)) apply(partition, decodeEntry(bytes), hash)
  return partition
}

/**
 * Another host leads the partition: what the one before had not been told is lost, and what it had
 * sent may still arrive.
 */
export function takeOver(world: World, site: Site, fromSnapshot: boolean): void {
  site.partition = rebuilt(world, site, fromSnapshot)
  site.pending.length = 0
  site.posting.length = 0
  beginEpoch(world, site)
}
