import { decode, encode } from '@waybill/core'
import { z } from 'zod'
import type { EventLog, Topology } from './log.ts'
import { streamNames, subjects } from './topology.ts'

/** Everything of this subject below `belowSeq` is needed by nobody. */
export interface RetentionFloor {
  readonly stream: string
  readonly subject: string
  readonly belowSeq: number
}

export interface RetentionResult extends RetentionFloor {
  /** The subject's last sequence: what is never purged. 0 = the subject is empty. */
  readonly lastSeq: number
  /** Messages purged; in a dry run those of the subject at most. */
  readonly purged: number
}

export interface RetentionRun {
  readonly log: Pick<EventLog, 'last' | 'purge' | 'send' | 'subjects'>
  readonly topology: Topology
  readonly floors: readonly RetentionFloor[]
  readonly dryRun?: boolean
  readonly signal?: AbortSignal
}

/**
 * Purges below the floors, one subject after the other: a purge holds the stream's lock. A
 * subject's last message always stays, because compare-and-set stands on it. What goes is on record
 * first: else nobody could tell a head that was purged from one that a disk has lost.
 */
export async function runRetention(run: RetentionRun): Promise<readonly RetentionResult[]> {
  const { log, topology, floors, dryRun = false, signal } = run
  const results: RetentionResult[] = []
  for (const floor of floors) {
    signal?.throwIfAborted()
    const lastSeq = (await log.last(floor.stream, floor.subject))?.seq ?? 0
    const belowSeq = Math.min(floor.belowSeq, lastSeq)
    if (!dryRun && belowSeq > 1) {
      const gone = { v: 1, kind: 'retired', stream: floor.stream, subject: floor.subject, belowSeq }
      await log.send(subjects(topology).op('retired'), encode(gone))
    }
    const { purged } = dryRun
      ? await countOf(log, { ...floor, belowSeq })
      : await log.purge(floor.stream, floor.subject, belowSeq)
    results.push({ ...floor, belowSeq, lastSeq, purged })
  }
  return results
}

async function countOf(
  log: RetentionRun['log'],
  { stream, subject, belowSeq }: RetentionFloor,
): Promise<{ purged: number }> {
  if (belowSeq <= 1) return { purged: 0 }
  const count = (await log.subjects(stream, subject)).get(subject) ?? 0
  return { purged: Math.max(0, count - 1) }
}

const retired = z.object({
  v: z.literal(1),
  kind: z.literal('retired'),
  stream: z.string(),
  subject: z.string(),
  belowSeq: z.int().positive(),
})

/** Subject -> everything of it below this sequence may be gone. */
export async function readRetired(
  log: Pick<EventLog, 'read'>,
  topology: Topology,
): Promise<ReadonlyMap<string, number>> {
  const range = { stream: streamNames(topology).ops, subjects: [subjects(topology).op('retired')] }
  const floors = new Map<string, number>()
  for await (const { bytes } of log.read({ ...range, fromSeq: 1 })) {
    const { subject, belowSeq } = retired.parse(decode(bytes))
    floors.set(subject, Math.max(belowSeq, floors.get(subject) ?? 0))
  }
  return floors
}
