import { decode, defChange, type PartitionId } from '@waybill/core'
import {
  streamNames,
  subjects,
  walk,
  type EventLog,
  type JournalBundle,
  type JournalPosition,
  type Topology,
} from '@waybill/log'
import { wholeMessage } from './known.ts'
import type { EventPlace } from './lanes.ts'

/** Where histories lie. */
export interface Past {
  readonly log: Pick<EventLog, 'hash' | 'read' | 'get' | 'subjects'>
  readonly topology: Topology
}

/** Every partition that has written something, by app and slot. */
export async function partitions(
  { log, topology }: Past,
  app?: string,
): Promise<readonly PartitionId[]> {
  const { prefix, generation } = topology
  const start = `${prefix}.journal.${generation}.`
  const filter = app === undefined ? `${start}>` : `${start}${app}.>`
  const found = await log.subjects(streamNames(topology).journal, filter)
  return [...found.keys()]
    .map((subject) => subject.slice(start.length).split('.'))
    .map(([name = '', slot]) => ({ app: name, generation, slot: Number(slot) }))
    .sort((a, b) => (a.app === b.app ? a.slot - b.slot : a.app < b.app ? -1 : 1))
}

/** Every app that was ever deployed, whether it has written something or not. */
export async function deployedApps({ log, topology }: Past): Promise<readonly string[]> {
  const start = `${topology.prefix}.def.`
  const found = await log.subjects(streamNames(topology).defs, `${start}>`)
  return [...found.keys()].map((subject) => subject.slice(start.length)).sort()
}

/** The last event before an app's first deploy: what came until then is not its business. */
export async function firstDeploy({ log, topology }: Past, app: string): Promise<EventPlace> {
  const range = { stream: streamNames(topology).defs, subjects: [subjects(topology).def(app)] }
  for await (const { bytes } of log.read({ ...range, fromSeq: 1 })) {
    const change = defChange.parse(decode(bytes))
    if (change.kind === 'deploy') return wholeMessage(change.eventsFrom.seq)
  }
  return wholeMessage(0)
}

export function journalOf(
  { log, topology }: Past,
  { app, slot }: PartitionId,
  options: { readonly after?: JournalPosition | undefined; readonly signal?: AbortSignal } = {},
): AsyncGenerator<JournalBundle, void> {
  const stream = streamNames(topology).journal
  return walk({ log, stream, subject: subjects(topology).journal(app, slot), ...options })
}
