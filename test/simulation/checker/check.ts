import type { Host } from '@waybill/engine'
import type { EventLog, Stored, Topology } from '@waybill/log'
import type { Effect } from '../effects.ts'
import type { Acknowledged } from '../ingress.ts'
import type { Fence, Reply } from '../instance.ts'
import type { Options } from '../options.ts'
import { checkAcknowledged } from './acknowledged.ts'
import { checkEffects } from './effects.ts'
import { readJournal, type Journal } from './journal.ts'
import { checkFences } from './fences.ts'
import { checkLetters } from './letters.ts'
import { checkLive } from './live.ts'
import { checkPolicy } from './policy.ts'
import { checkProjection } from './projection.ts'
import { checkTimes } from './time.ts'
import type { Violate, Violation } from './violation.ts'

/** All that a run leaves behind: the log, and what the world outside wrote down. */
export interface History {
  readonly options: Options
  /** When the run began, epoch ms. */
  readonly startMs: number
  readonly log: EventLog
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

/** To add an invariant: a line in `violation.ts`, a function, a call here. */
export async function check(history: History): Promise<Checked> {
  const violations: Violation[] = []
  const violate: Violate = (invariant, what) => violations.push({ invariant, what })
  for (const defect of history.defects) violate('I0', defect)
  const journals: Journal[] = []
  for (let slot = 0; slot < history.topology.slots; slot++) {
    const journal = await readJournal(history, slot, violate)
    journals.push(journal)
    checkTimes(history, journal, violate)
    checkPolicy(history, journal, violate)
    checkLetters(journal, violate)
  }
  checkFences(history, journals, violate)
  await checkAcknowledged(history, journals, violate)
  checkEffects(history, journals, violate)
  checkLive(history, journals, violate)
  await checkProjection(history, journals, violate)
  return { violations, ends: endsOf(journals) }
}

function endsOf(journals: readonly Journal[]): Record<string, number> {
  const ends: Record<string, number> = { open: 0 }
  for (const { summary } of journals) {
    ends['open'] = (ends['open'] ?? 0) + (summary?.open ?? 0)
    for (const [state, count] of Object.entries(summary?.ended ?? {})) {
      ends[state] = (ends[state] ?? 0) + count
    }
  }
  return ends
}
