import type { PartitionId } from '@waybill/core'
import { ChainBroken, sha256, streamNames, subjects } from '@waybill/log'
import { deployedApps, firstDeploy, journalOf, partitions, type Journals } from '../journals.ts'
import { checkEvents } from './events.ts'
import type { Finding } from './finding.ts'
import { createHistory, type History, type PartitionSummary } from './history.ts'

export interface VerifiedPartition extends PartitionSummary {
  /** Accepted events that it has read, and those it has not come to yet. */
  readonly eventsRead: number
  readonly eventsUnread: number
}

export interface Verified {
  readonly partitions: readonly VerifiedPartition[]
  /** At most 100 a partition. */
  readonly findings: readonly Finding[]
  /** Dispatches that began and have not ended. */
  readonly open: number
  readonly unread: number
  readonly ms: number
}

export interface VerifyOptions {
  readonly app?: string | undefined
  readonly signal?: AbortSignal
  readonly onPartition?: (done: VerifiedPartition, findings: readonly Finding[]) => void
}

/** Walks every journal and checks that it hangs together, and that no accepted event is missing. */
export async function verifyAll(
  journals: Pick<Journals, 'log' | 'topology'>,
  options: VerifyOptions = {},
): Promise<Verified> {
  const began = performance.now()
  const done: VerifiedPartition[] = []
  const findings: Finding[] = []
  for (const id of await everyPartition(journals, options.app)) {
    const one = await verifyPartition(journals, id, options.signal)
    options.onPartition?.(one.summary, one.findings)
    done.push(one.summary)
    findings.push(...one.findings)
  }
  return {
    partitions: done,
    findings,
    open: done.reduce((total, { open }) => total + open, 0),
    unread: done.reduce((total, { eventsUnread }) => total + eventsUnread, 0),
    ms: Math.round(performance.now() - began),
  }
}

const findingsMax = 100

/** Those of deployed apps too that have not written anything: their events wait unread. */
async function everyPartition(
  journals: Pick<Journals, 'log' | 'topology'>,
  app: string | undefined,
): Promise<readonly PartitionId[]> {
  const { generation, slots } = journals.topology
  const written = await partitions(journals, app)
  const deployed = (await deployedApps(journals)).filter(
    (name) => app === undefined || name === app,
  )
  const silent = deployed
    .flatMap((name) =>
      Array.from({ length: slots }, (_, slot) => ({ app: name, generation, slot })),
    )
    .filter((one) => !written.some((other) => other.app === one.app && other.slot === one.slot))
  return [...written, ...silent]
}

async function verifyPartition(
  journals: Pick<Journals, 'log' | 'topology'>,
  id: PartitionId,
  signal?: AbortSignal,
): Promise<{ summary: VerifiedPartition; findings: readonly Finding[] }> {
  const findings: Finding[] = []
  let history: History | undefined
  const { events: eventsStream } = streamNames(journals.topology)
  try {
    for await (const bundle of journalOf(journals, id, signal && { signal })) {
      const fromStart = bundle.header.number === 1
      history ??= createHistory({ id, hash: sha256, eventsStream, fromStart })
      findings.push(...history.take(bundle))
      if (findings.length >= findingsMax) break
    }
  } catch (cause) {
    if (!(cause instanceof ChainBroken)) throw cause
    findings.push(chainFinding(id, cause))
  }
  history ??= createHistory({ id, hash: sha256, eventsStream, fromStart: true })
  const events = await eventsOf(journals, id, history)
  for (const { seq, what } of events.findings) {
    findings.push({
      rule: 'event.read',
      app: id.app,
      slot: id.slot,
      bundle: 0,
      seq,
      what: `${eventsStream} ${seq} ${what}`,
    })
  }
  return {
    summary: { ...history.summary, eventsRead: events.read, eventsUnread: events.unread },
    findings: findings.slice(0, findingsMax),
  }
}

function chainFinding(id: PartitionId, { at: { number, seq, why } }: ChainBroken): Finding {
  return { rule: 'bundle.chain', app: id.app, slot: id.slot, bundle: number ?? 0, seq, what: why }
}

async function eventsOf(
  journals: Pick<Journals, 'log' | 'topology'>,
  { app, slot }: PartitionId,
  { events: reads, eventsAfter }: History,
): ReturnType<typeof checkEvents> {
  const { log, topology } = journals
  const stream = streamNames(topology).events
  const after = eventsAfter ?? (await firstDeploy(journals, app))
  const subject = subjects(topology).events(slot)
  const messages = log.read({ stream, subjects: [subject], fromSeq: Math.max(1, after.seq) })
  return checkEvents({ hash: sha256, messages, reads, after })
}
