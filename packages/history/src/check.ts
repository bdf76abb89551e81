import type { PartitionId } from '@waybill/core'
import {
  ChainBroken,
  type JournalBundle,
  readRetired,
  sha256,
  streamNames,
  subjects,
} from '@waybill/log'
import { Complaints, type Watching } from './complaints.ts'
import type { Evidence } from './evidence.ts'
import type { Finding } from './finding.ts'
import { createHistory, type History, type PartitionSummary } from './history.ts'
import type { Inputs, Invariant } from './invariant.ts'
import { invariants } from './invariants.ts'
import { deployedApps, firstDeploy, journalOf, partitions, type Past } from './journals.ts'
import { lanesOf } from './lanes.ts'

export interface CheckOptions {
  /** Absent: every app. */
  readonly app?: string | undefined
  readonly signal?: AbortSignal
  /** What the world outside wrote down, as far as whoever asks has it. */
  readonly evidence?: Evidence
  /** What only whoever asks can look at, in the same form. */
  readonly also?: readonly Invariant[]
  readonly onPartition?: (done: CheckedPartition, findings: readonly Finding[]) => void
}

export interface CheckedPartition extends PartitionSummary {
  /** Accepted events that it has read, and those it has not come to yet. */
  readonly eventsRead: number
  readonly eventsUnread: number
  readonly lettersUnread: number
  readonly deploysUnread: number
}

export interface Checked {
  readonly partitions: readonly CheckedPartition[]
  /** At most 100 a partition. */
  readonly findings: readonly Finding[]
  /** Dispatches that began and have not ended. */
  readonly open: number
  /** Events, letters and deploys that were not come to yet. */
  readonly unread: number
  readonly ms: number
}

const findingsMax = 100

/**
 * Walks every journal and says what in it cannot be: against itself, against what the streams hold,
 * and against the evidence. What `waybill verify`, the simulator and the chaos runs all call.
 */
export async function checkHistory(past: Past, options: CheckOptions = {}): Promise<Checked> {
  const began = performance.now()
  const done: CheckedPartition[] = []
  const findings: Finding[] = []
  const across = watchersOf(past, options)
  const retired = await readRetired(past.log, past.topology)
  for (const id of await everyPartition(past, options.app)) {
    const one = await checkPartition({ ...past, retired }, id, options, across)
    options.onPartition?.(one.summary, one.findings)
    done.push(one.summary)
    findings.push(...one.findings)
  }
  const complaints = new Complaints({ app: options.app ?? '', slot: 0 })
  for (const { law, watcher } of across) await watcher.end?.(complaints.under(law))
  findings.push(...complaints.taken().slice(0, findingsMax))
  return {
    partitions: done,
    findings,
    open: done.reduce((total, { open }) => total + open, 0),
    unread: done.reduce((total, one) => total + unreadOf(one), 0),
    ms: Math.round(performance.now() - began),
  }
}

const unreadOf = ({ eventsUnread, lettersUnread, deploysUnread }: CheckedPartition): number =>
  eventsUnread + lettersUnread + deploysUnread

function watchersOf({ log, topology }: Past, options: CheckOptions): readonly Watching[] {
  const scope = { log, topology, evidence: options.evidence ?? {} }
  return [...invariants, ...(options.also ?? [])].flatMap((one) => {
    const watcher = one.of === 'history' ? one.watch(scope) : undefined
    return watcher ? [{ law: one.law, watcher }] : []
  })
}

/** Those of deployed apps too that have not written anything: their events wait unread. */
async function everyPartition(
  past: Past,
  app: string | undefined,
): Promise<readonly PartitionId[]> {
  const { generation, slots } = past.topology
  const written = await partitions(past, app)
  const deployed = (await deployedApps(past)).filter((name) => app === undefined || name === app)
  const silent = deployed
    .flatMap((name) =>
      Array.from({ length: slots }, (_, slot) => ({ app: name, generation, slot })),
    )
    .filter((one) => !written.some((other) => other.app === one.app && other.slot === one.slot))
  return [...written, ...silent]
}

/** With what retention took away, by subject. */
type Kept = Past & { readonly retired: ReadonlyMap<string, number> }

async function checkPartition(
  past: Kept,
  id: PartitionId,
  { signal, also }: CheckOptions,
  across: readonly Watching[],
): Promise<{ summary: CheckedPartition; findings: readonly Finding[] }> {
  const findings: Finding[] = []
  const tally = { eventsRead: 0, eventsUnread: 0, lettersUnread: 0, deploysUnread: 0 }
  let history: History | undefined
  const inputs = inputsOf(past, id, tally, () => history)
  const open = (fromStart: boolean): History => {
    const { events: eventsStream } = streamNames(past.topology)
    return createHistory({ id, hash: sha256, eventsStream, fromStart, inputs, also, across })
  }
  const begin = ({ header: { number }, seq }: JournalBundle): History => {
    const subject = subjects(past.topology).journal(id.app, id.slot)
    if (number > 1 && !past.retired.has(subject)) findings.push(headless(id, number, seq))
    return open(number === 1)
  }
  try {
    for await (const bundle of journalOf(past, id, signal && { signal })) {
      history ??= begin(bundle)
      findings.push(...history.take(bundle))
      if (findings.length >= findingsMax) break
    }
  } catch (cause) {
    if (!(cause instanceof ChainBroken)) throw cause
    findings.push(chainFinding(id, cause))
  }
  history ??= open(true)
  findings.push(...(await history.end()))
  return { summary: { ...history.summary, ...tally }, findings: findings.slice(0, findingsMax) }
}

function chainFinding({ app, slot }: PartitionId, { at }: ChainBroken): Finding {
  const { number, seq, why } = at
  return { rule: 'bundle.chain', law: 'I11', app, slot, bundle: number ?? 0, seq, what: why }
}

function headless({ app, slot }: PartitionId, bundle: number, seq: number): Finding {
  const what = `the journal begins at bundle ${bundle}, and no retention took what was before`
  return { rule: 'bundle.chain', law: 'I11', app, slot, bundle, seq, what }
}

type Tally = {
  -readonly [K in 'eventsRead' | 'eventsUnread' | 'lettersUnread' | 'deploysUnread']: number
}

function inputsOf(
  past: Kept,
  id: PartitionId,
  tally: Tally,
  history: () => History | undefined,
): Inputs {
  return {
    lanes: lanesOf(past.topology, id),
    messages: ({ stream, subject }, fromSeq) =>
      past.log.read({ stream, subjects: [subject], fromSeq: Math.max(1, fromSeq) }),
    keptFrom: async ({ subject }) => floorOf(past.retired, subject),
    deployedAfter: async () => history()?.eventsAfter ?? (await firstDeploy(past, id.app)),
    noteUnread({ name }, read, unread) {
      if (name === 'defs') tally.deploysUnread = unread
      else if (name !== 'events') tally.lettersUnread += unread
      else {
        tally.eventsRead = read
        tally.eventsUnread = unread
      }
    },
  }
}

/** A mailbox is all subjects that begin with it: one for each sender. */
function floorOf(retired: ReadonlyMap<string, number>, subject: string): number {
  if (!subject.endsWith('>')) return retired.get(subject) ?? 0
  const floors = [...retired].filter(([one]) => one.startsWith(subject.slice(0, -1)))
  return Math.max(0, ...floors.map(([, floor]) => floor))
}
