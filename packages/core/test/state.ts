import { encodeBuckets, freeze, snapshotHash, type Partition } from '../src/index.ts'
import { sha256 } from './sha256.ts'

/** The whole state as one hash: the same where the state is the same. */
export function stateOf(partition: Partition): string {
  const buckets = [...encodeBuckets(sha256, freeze(partition))].filter((one) => one !== undefined)
  return snapshotHash(
    sha256,
    buckets.map(({ hash }) => hash),
  )
}
