import type { EventLog } from './log.ts'

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
  readonly log: Pick<EventLog, 'last' | 'purge' | 'subjects'>
  readonly floors: readonly RetentionFloor[]
  readonly dryRun?: boolean
  readonly signal?: AbortSignal
}

/**
 * Purges below the floors, one subject after the other: a purge holds the stream's lock. A
 * subject's last message always stays, because compare-and-set stands on it.
 */
export async function runRetention(run: RetentionRun): Promise<readonly RetentionResult[]> {
  const { log, floors, dryRun = false, signal } = run
  const results: RetentionResult[] = []
  for (const floor of floors) {
    signal?.throwIfAborted()
    const lastSeq = (await log.last(floor.stream, floor.subject))?.seq ?? 0
    const belowSeq = Math.min(floor.belowSeq, lastSeq)
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
