import { equalBytes } from '@waybill/core'
import type { Host } from '@waybill/engine'
import {
  checkHistory,
  replays,
  type Acknowledged,
  type Checked as HistoryChecked,
  type Fence,
  type Finding,
  type Reply,
} from '@waybill/history'
import { streamNames, subjects, type Stored, type Topology } from '@waybill/log'
import type { Effect } from '../effects.ts'
import type { Options } from '../options.ts'
import type { PastLog, Retired } from '../retiring.ts'
import { alone } from './alone.ts'
import { lateness } from './lateness.ts'
import { checkLive } from './live.ts'
import { checkProjection } from './projection.ts'
import { putAside } from './put-aside.ts'
import { checkLeft, retained } from './retained.ts'
import { rest } from './rest.ts'
import { createTale } from './tale.ts'
import { verdicts } from './verdicts.ts'
import type { Violate, Violation } from './violation.ts'

/** All that a run leaves behind: the log, and what the world outside wrote down. */
export interface History {
  readonly options: Options
  /** When the run began, epoch ms. */
  readonly startMs: number
  /** With what retention took away, and without. */
  readonly log: PastLog
  readonly left: PastLog
  readonly retired: readonly Retired[]
  readonly topology: Topology
  readonly acknowledged: readonly Acknowledged[]
  readonly effects: readonly Effect[]
  readonly replies: readonly Reply[]
  readonly fences: readonly Fence[]
  /** Messages that a power cut took. */
  readonly lost: readonly Stored[]
  readonly defects: readonly string[]
  /** Everything came to its end. */
  readonly settled: boolean
  /** Those that are alive at the end. */
  readonly hosts: readonly Host[]
}

export interface Checked {
  readonly violations: readonly Violation[]
  readonly ends: Readonly<Record<string, number>>
}

/**
 * What must hold of any history is in `@waybill/history`, and what is new belongs there. Here is
 * what only a simulator can know: the app's predicates, virtual time, the living hosts, the rows.
 */
export async function check(history: History): Promise<Checked> {
  const { log, topology, acknowledged, effects: runs, replies, fences, lost } = history
  const violations: Violation[] = []
  const violate: Violate = (invariant, what) => violations.push({ invariant, what })
  for (const defect of history.defects) violate('I0', defect)
  const tale = createTale()
  const checked = await checkHistory(
    { log, topology },
    {
      evidence: { acknowledged, runs, replies, fences, lost },
      also: [
        replays,
        verdicts(history),
        putAside(history),
        lateness(history),
        rest(history),
        alone(history),
        retained(history),
        tale.invariant,
      ],
    },
  )
  const ends = await lastEvents(history)
  const again = await storedAgain(history)
  for (const finding of checked.findings) {
    if (!isExcused(history, ends, again, finding)) violate(finding.law, textOf(finding))
  }
  checkRead(history, checked, violate)
  checkLive(history, checked, tale, violate)
  await checkProjection(history, tale, violate)
  await checkLeft(history, violate)
  return { violations, ends: endsOf(checked) }
}

const textOf = ({ rule, app, slot, bundle, dispatch = '', what }: Finding): string =>
  `${rule}: ${app}/${slot}, bundle ${bundle}: ${dispatch} ${what}`

/**
 * A power cut took what was read: then the partition must not go on, once it can know. While
 * nothing stands there again it cannot, and passes over nothing either; nor can it where the last
 * message that it read is there again, to the byte.
 */
function isExcused(
  history: History,
  ends: readonly number[],
  again: readonly Again[],
  { rule, app, slot, seq }: Finding,
): boolean {
  if (rule !== 'event.read' && rule !== 'letter.read') return false
  if (isHalted(history, { app, slot })) return true
  const { lost, options, topology } = history
  const names = streamNames(topology)
  const stream = rule === 'event.read' ? names.events : names.mail
  if (!lost.some((gone) => gone.stream === stream)) return false
  if (again.some((one) => one.stream === stream && one.slot === slot && one.seq >= seq)) return true
  return options.mode === 'safety' || seq > (ends[slot] ?? 0)
}

interface Again extends Pick<Stored, 'stream' | 'seq'> {
  readonly slot: number
}

/** Messages that a power cut took, where the same bytes were sent to the same place afterwards. */
async function storedAgain({ log, lost }: History): Promise<readonly Again[]> {
  const found: Again[] = []
  for (const { stream, seq, subject, at, bytes } of lost) {
    const there = await log.get(stream, seq)
    if (there?.subject !== subject || there.at === at || !equalBytes(there.bytes, bytes)) continue
    found.push({ stream, seq, slot: Number(subject.split('.').at(-1)) })
  }
  return found
}

/** By slot: the sequence of its last event. */
function lastEvents({ log, topology }: History): Promise<readonly number[]> {
  const stream = streamNames(topology).events
  const last = async (_: unknown, slot: number): Promise<number> =>
    (await log.last(stream, subjects(topology).events(slot)))?.seq ?? 0
  return Promise.all(Array.from({ length: topology.slots }, last))
}

type Which = Pick<Finding, 'app' | 'slot'>

const isHalted = ({ hosts }: History, { app, slot }: Which): boolean =>
  hosts
    .map((host) => host.status())
    .filter((one) => one.app === app)
    .some(({ partitions }) => partitions.some((one) => one.slot === slot && one.state === 'halted'))

/** Everything that is there was come to, once all came to its end. */
function checkRead(history: History, { partitions }: HistoryChecked, violate: Violate): void {
  const { settled, lost, topology } = history
  // A host at rest does not know that the end of its journal is gone; it sees at its next append.
  if (!settled || lost.some(({ stream }) => stream === streamNames(topology).journal)) return
  for (const { app, slot, eventsUnread, lettersUnread } of partitions) {
    if (eventsUnread + lettersUnread === 0 || isHalted(history, { app, slot })) continue
    violate('I1', `${app}/${slot}: ${eventsUnread} events and ${lettersUnread} letters unread`)
  }
}

function endsOf({ partitions }: HistoryChecked): Record<string, number> {
  const ends: Record<string, number> = { open: 0 }
  for (const { open, ended } of partitions) {
    ends['open'] = (ends['open'] ?? 0) + open
    for (const [state, count] of Object.entries(ended)) ends[state] = (ends[state] ?? 0) + count
  }
  return ends
}
