import { createPartition, equalBytes, step, type PartitionId } from '@waybill/core'
import { decodeEntry, sha256 } from '@waybill/log'

/** The rules decide otherwise now than they did when this was recorded. */
export class ReplayDiverged extends Error {
  override readonly name = 'ReplayDiverged'
  /** Ordinal of the entry in its partition, from 0. */
  readonly entry: number
  readonly recorded: unknown
  readonly replayed: unknown

  constructor(entry: number, recorded: unknown, replayed: unknown) {
    super(`entry ${entry} was decided differently`)
    this.entry = entry
    this.recorded = recorded
    this.replayed = replayed
  }
}

/**
 * Steps every recorded input again, from nothing, and compares what is decided now with what was
 * recorded, byte for byte. Nothing is carried out.
 *
 * @throws ReplayDiverged at the first difference
 */
export function replayJournal(id: PartitionId, journal: readonly Uint8Array[]): void {
  const partition = createPartition(id, sha256)
  for (const [ordinal, bytes] of journal.entries()) {
    const recorded = decodeEntry(bytes)
    const { bytes: again, entry } = step(partition, recorded.input, recorded.at)
    if (!equalBytes(again, bytes)) throw new ReplayDiverged(ordinal, recorded, entry)
  }
}
