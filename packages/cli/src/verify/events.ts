import type { Hash } from '@waybill/core'
import { decodeBatch, type Stored } from '@waybill/log'
import type { Reads } from './inputs.ts'

export interface EventsCheck {
  /** Accepted events that the partition has read, and those it has not come to yet. */
  readonly read: number
  readonly unread: number
  /** In words, with the place. */
  readonly findings: readonly { readonly seq: number; readonly what: string }[]
}

export interface EventsCheckOptions {
  readonly hash: Hash
  /** Messages of the partition's slot, in order. */
  readonly messages: AsyncIterable<Stored>
  readonly reads: Reads
  /** Everything up to it came before the app's first deploy. */
  readonly eventsFrom: number
}

/**
 * Every accepted event, in order, is an input of the partition, with the hash of the message it
 * came in: nothing is passed over, nothing is made up.
 */
export async function checkEvents(options: EventsCheckOptions): Promise<EventsCheck> {
  const { hash, messages, reads, eventsFrom } = options
  const merge: Merge = { reads, at: 0, unread: 0, findings: [] }
  for await (const { seq, bytes } of messages) {
    if (seq <= eventsFrom) continue
    skipMissing(merge, seq)
    const items = decodeBatch(bytes).length
    const digest = hash.bytes(bytes)
    for (let index = 0; index < items; index++) takeItem(merge, seq, index, digest)
  }
  skipMissing(merge, Infinity)
  const { at, unread, findings } = merge
  return { read: at, unread, findings: findings.slice(0, 100) }
}

/** Two lists in the same order, walked side by side. */
interface Merge {
  readonly reads: Reads
  at: number
  unread: number
  readonly findings: { seq: number; what: string }[]
}

function takeItem(merge: Merge, seq: number, index: number, digest: string): void {
  const { reads, at, findings } = merge
  if (at >= reads.seqs.length) {
    merge.unread += 1
  } else if (reads.seqs[at] !== seq || reads.indexes[at] !== index) {
    findings.push({ seq, what: `event ${index} of it was passed over` })
  } else {
    if (reads.hashes[at] !== digest) {
      findings.push({ seq, what: `was read with hash ${reads.hashes[at]}` })
    }
    merge.at += 1
  }
}

function skipMissing(merge: Merge, seq: number): void {
  const { reads, findings } = merge
  for (; (reads.seqs[merge.at] ?? Infinity) < seq; merge.at++) {
    findings.push({ seq: reads.seqs[merge.at] ?? 0, what: 'was read, but is not in the stream' })
  }
}
