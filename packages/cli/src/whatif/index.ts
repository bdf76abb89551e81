import { journalOf, partitions, type Past } from '@waybill/history'
import { decodeEntry } from '@waybill/log'
import { linkSent, Recording, type RecordedPartition } from './record.ts'

export { simulate } from './run.ts'

export interface Period {
  readonly partitions: readonly RecordedPartition[]
  /** Ids of all bindings that were ever deployed. */
  readonly bindings: ReadonlySet<string>
}

/** What the journals of an app tell of a period. */
export async function readPeriod(
  past: Past,
  { app, since, signal }: { app: string; since: number; signal: AbortSignal },
): Promise<Period> {
  const read: RecordedPartition[] = []
  const bindings = new Set<string>()
  for (const id of await partitions(past, app)) {
    const recording = new Recording(id, since)
    const { record } = recording
    for await (const { entries } of journalOf(past, id, { signal })) {
      for (const bytes of entries) recording.take(decodeEntry(bytes))
    }
    const deployed = record.definitions.flatMap(({ change }) =>
      change.kind === 'deploy' ? change.manifests : [],
    )
    for (const one of deployed) bindings.add(one.id)
    read.push(record)
  }
  linkSent(read)
  return { partitions: read, bindings }
}
