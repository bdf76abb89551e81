import { createReplayer, journalOf, partitions, type Divergence } from '@waybill/history'
import { sha256 } from '@waybill/log'
import { startOf, type Journals } from '../journals.ts'

export interface ReplayAllOptions {
  /** Absent: every app. */
  readonly app?: string | undefined
  /** Epoch ms: what lies before the newest snapshot older than this is taken from it. */
  readonly since?: number | undefined
  readonly signal?: AbortSignal
  readonly onPartition?: (done: ReplayedPartition) => void
}

export interface ReplayedPartition {
  readonly app: string
  readonly slot: number
  readonly bundles: number
  readonly entries: number
  readonly dispatches: number
  readonly transitions: number
  readonly divergence: Divergence | undefined
}

export interface ReplayedAll {
  readonly partitions: readonly ReplayedPartition[]
  readonly dispatches: number
  readonly transitions: number
  /** Partitions in which a difference was found; each is read up to its first one. */
  readonly diverged: number
  readonly ms: number
}

/** Decides everything that is recorded again, and compares it byte for byte. */
export async function replayAll(
  journals: Journals,
  options: ReplayAllOptions = {},
): Promise<ReplayedAll> {
  const began = performance.now()
  const done: ReplayedPartition[] = []
  for (const id of await partitions(journals, options.app)) {
    const one = await replayPartition(journals, id, options)
    options.onPartition?.(one)
    done.push(one)
  }
  const sum = (of: (one: ReplayedPartition) => number): number =>
    done.reduce((total, one) => total + of(one), 0)
  return {
    partitions: done,
    dispatches: sum(({ dispatches }) => dispatches),
    transitions: sum(({ transitions }) => transitions),
    diverged: done.filter(({ divergence }) => divergence).length,
    ms: Math.round(performance.now() - began),
  }
}

async function replayPartition(
  journals: Journals,
  id: { app: string; generation: number; slot: number },
  { since, signal }: ReplayAllOptions,
): Promise<ReplayedPartition> {
  const { partition, after } = await startOf(journals, id, since)
  const replayer = createReplayer(id, sha256, partition)
  let bundles = 0
  let divergence: Divergence | undefined
  for await (const recorded of journalOf(journals, id, { after, ...(signal && { signal }) })) {
    bundles += 1
    divergence = replayer.take(recorded)
    if (divergence) break
  }
  const { entries, dispatches, transitions } = replayer
  return { app: id.app, slot: id.slot, bundles, entries, dispatches, transitions, divergence }
}
