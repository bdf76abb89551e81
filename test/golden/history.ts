import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Recorded } from '@waybill/history'
import { decodeBatch, decodeBundle, decodeEntry, sha256 } from '@waybill/log'

export type RecordedBundle = Recorded

/**
 * One folder a story: `journal.bundles` is the partition's journal (its messages, as they lay in
 * the stream), `dispatch-<n>.waybill` what `waybill export` made of each dispatch.
 */
export const historyDir = join(import.meta.dirname, 'history')

/** Those that are whole: the journal is written last. */
export async function historyNames(): Promise<readonly string[]> {
  const files = await readdir(historyDir, { recursive: true })
  return files
    .filter((file) => file.endsWith('journal.bundles'))
    .map((file) => file.split('/')[0] ?? file)
    .sort()
}

export async function journalOf(name: string): Promise<readonly RecordedBundle[]> {
  const bytes = await readFile(join(historyDir, name, 'journal.bundles'))
  return decodeBatch(bytes).map((message, at) => ({
    ...decodeBundle(sha256, message),
    seq: at + 1,
  }))
}

export async function exportsOf(name: string): Promise<readonly string[]> {
  const files = await readdir(join(historyDir, name))
  return files
    .filter((file) => file.endsWith('.waybill'))
    .sort()
    .map((file) => join(historyDir, name, file))
}

export function dispatchesOf(bundles: readonly RecordedBundle[]): readonly string[] {
  return bundles
    .flatMap(({ entries }) => entries)
    .flatMap((bytes) => decodeEntry(bytes).facts)
    .flatMap((fact) => (fact.kind === 'transition' && fact.index === 0 ? [fact.dispatch] : []))
}
