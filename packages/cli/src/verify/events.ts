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

/** A message, and the item in it. */
export interface EventPlace {
  readonly seq: number
  readonly index: number
}

export interface EventsCheckOptions {
  readonly hash: Hash
  /** Messages of the partition's slot, in order. */
  readonly messages: AsyncIterable<Stored>
  readonly reads: Reads
  /** Everything up to here is not asked about: it came before the app, or before what is kept. */
  readonly after: EventPlace
}

/**
 * Every accepted event, in order, is an input of the partition, with the hash of the message it
 * came in: nothing is passed over, nothing is made up.
 */
export async function checkEvents(options: EventsCheckOptions): Promise<EventsCheck> {
  const { hash, messages, reads, after } = options
  const merge: Merge = { reads, at: 0, unread: 0, findings: [] }
  let isFirst = true
  for await (const { seq, bytes } of messages) {
    if (seq < after.seq) continue
    if (isFirst) skipRetired(merge, seq)
    isFirst = false
    skipMissing(merge, seq)
    const items = decodeBatch(bytes).length
    const digest = hash.bytes(bytes)
    const first = seq === after.seq ? after.index + 1 : 0
    for (let index = first; index < items; index++) takeItem(merge, seq, index, digest)
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

/**
 * Retention takes away the oldest and never the last one: what was read before the first that is
 * kept may be gone, what was read after it may not.
 */
function skipRetired(merge: Merge, firstSeq: number): void {
  const { seqs } = merge.reads
  while ((seqs[merge.at] ?? Infinity) < firstSeq) merge.at += 1
}

function skipMissing(merge: Merge, seq: number): void {
  const { reads, findings } = merge
  for (; (reads.seqs[merge.at] ?? Infinity) < seq; merge.at++) {
    findings.push({ seq: reads.seqs[merge.at] ?? 0, what: 'was read, but is not in the stream' })
  }
}
