import type { PartitionId } from '@waybill/core'
import { sha256, streamNames, type EventLog } from '@waybill/log'
import { Complaints, type Watching } from '../src/complaints.ts'
import type { Finding } from '../src/finding.ts'
import { createHistory } from '../src/history.ts'
import type { Recorded } from '../src/invariant.ts'
import { invariants } from '../src/invariants.ts'
import { names } from './story.ts'

/** A partition's journal from its first bundle on. */
export interface Journal {
  readonly id: PartitionId
  readonly bundles: readonly Recorded[]
}

/** What all invariants say, of each journal and of all together; nothing outside is asked. */
export async function found(
  log: Pick<EventLog, 'get' | 'hash'>,
  journals: readonly Journal[],
): Promise<Finding[]> {
  const scope = { log, topology: names, evidence: {} }
  const across: Watching[] = invariants.flatMap((invariant) => {
    const watcher = invariant.of === 'history' ? invariant.watch(scope) : undefined
    return watcher ? [{ law: invariant.law, watcher }] : []
  })
  const { events: eventsStream } = streamNames(names)
  const findings = journals.flatMap(({ id, bundles }) => {
    const history = createHistory({ id, hash: sha256, eventsStream, fromStart: true, across })
    return bundles.flatMap((bundle) => history.take(bundle))
  })
  const complaints = new Complaints({ app: '', slot: 0 })
  for (const { law, watcher } of across) await watcher.end?.(complaints.under(law))
  return [...findings, ...complaints.taken()]
}
