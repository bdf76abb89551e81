import type { Hash } from '@waybill/core'
import { decodeBatch, type Stored } from '@waybill/log'
import type { Complain } from '../finding.ts'
import type { Inputs, Invariant, PartitionScope, Recorded } from '../invariant.ts'
import type { EventPlace, Lane, Reads } from '../lanes.ts'

export const streams: Invariant = {
  name: 'streams',
  law: 'I1',
  holds:
    'all that lies in a stream for a partition is read, in order, with the hash of its message: ' +
    'nothing is passed over, nothing is made up',
  of: 'partition',
  watch(scope) {
    let reached: Positions = {}
    return {
      bundle({ header }) {
        reached = header.positions
      },
      async end(complain) {
        if (!scope.inputs) return
        for (const lane of scope.inputs.lanes) {
          await checkLane({ ...scope, inputs: scope.inputs, reached }, lane, complain)
        }
      },
    }
  },
}

type Positions = Recorded['header']['positions']

interface Scope extends PartitionScope {
  readonly inputs: Inputs
  /** By the last bundle. */
  readonly reached: Positions
}

const none: Reads = { seqs: [], indexes: [], hashes: [] }

async function checkLane(scope: Scope, lane: Lane, complain: Complain): Promise<void> {
  const { hash, reads, inputs } = scope
  const keptFrom = await inputs.keptFrom(lane)
  const own = { reads: reads.get(lane.position) ?? none, at: 0, unread: 0 }
  const merge: Merge = { hash, lane, keptFrom, ...own }
  const after = await begins(merge, scope)
  let isFirst = true
  for await (const message of inputs.messages(lane, after.seq)) {
    if (message.seq < after.seq) continue
    if (isFirst) skipRetired(merge, Math.min(message.seq, keptFrom))
    isFirst = false
    takeMessage(merge, message, after, complain)
  }
  skipMissing(merge, Infinity, complain)
  inputs.noteUnread(lane, merge.at, merge.unread)
}

/** Everything up to here is not asked about: it came before the app, or before what is kept. */
async function begins(
  { lane, reads }: Merge,
  { inputs, fromStart, reached }: Scope,
): Promise<EventPlace> {
  if (lane.name === 'events') return inputs.deployedAfter()
  if (fromStart) return { seq: 0, index: 0 }
  const [seq] = reads.seqs
  const [index] = reads.indexes
  if (seq !== undefined && index !== undefined) return { seq, index: index - 1 }
  // Nothing of it was read in what is kept, so where it ended is where it was before.
  return reached[lane.position] ?? { seq: 0, index: 0 }
}

/** Two lists in the same order, walked side by side. */
interface Merge {
  readonly hash: Hash
  readonly lane: Lane
  readonly reads: Reads
  readonly keptFrom: number
  at: number
  unread: number
}

function takeMessage(
  merge: Merge,
  { seq, bytes }: Stored,
  after: EventPlace,
  complain: Complain,
): void {
  skipMissing(merge, seq, complain)
  const items = itemsIn(bytes)
  const digest = merge.hash.bytes(bytes)
  const first = seq === after.seq ? after.index + 1 : 0
  for (let index = first; index < items; index++) takeItem(merge, { seq, index }, digest, complain)
}

/** What cannot be opened is taken as one: it is put aside as a whole. */
function itemsIn(bytes: Uint8Array): number {
  try {
    return decodeBatch(bytes).length
  } catch {
    return 1
  }
}

function takeItem(
  merge: Merge,
  { seq, index }: EventPlace,
  digest: string,
  complain: Complain,
): void {
  const { reads, at, lane } = merge
  if (at >= reads.seqs.length) {
    merge.unread += 1
  } else if (reads.seqs[at] !== seq || reads.indexes[at] !== index) {
    say(lane, seq, `${itemOf(lane)} ${index} of it was passed over`, complain)
  } else {
    if (reads.hashes[at] !== digest) {
      say(lane, seq, `was read with hash ${reads.hashes[at]}`, complain)
    }
    merge.at += 1
  }
}

/**
 * Retention takes away the oldest and never the last one: what was read before the first that is
 * kept may be gone if that is on record, what was read after it may not.
 */
function skipRetired(merge: Merge, belowSeq: number): void {
  const { seqs } = merge.reads
  while ((seqs[merge.at] ?? Infinity) < belowSeq) merge.at += 1
}

function skipMissing(merge: Merge, seq: number, complain: Complain): void {
  const { reads, lane, keptFrom } = merge
  // Of a mailbox every sender's last letter stays, however old: between two there may be others.
  const mayBeGone = lane.subject.endsWith('>') ? keptFrom : 0
  for (; (reads.seqs[merge.at] ?? Infinity) < seq; merge.at++) {
    const missing = reads.seqs[merge.at] ?? 0
    if (missing >= mayBeGone) say(lane, missing, 'was read, but is not in the stream', complain)
  }
}

function itemOf({ name }: Lane): string {
  if (name === 'events') return 'event'
  return name === 'defs' ? 'deploy' : 'letter'
}

function say(lane: Lane, seq: number, what: string, complain: Complain): void {
  complain(`${itemOf(lane)}.read`, `${lane.stream} ${seq} ${what}`, { seq })
}
