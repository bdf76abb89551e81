import type { AttemptError, DispatchState, Outcome, WaitReason } from '@waybill/core'
import { type Held, readHeld } from '../held.ts'
import type { DispatchTable } from '../tables.ts'

/** A dispatch as lists show it. */
export interface DispatchSummary {
  readonly id: string
  readonly app: string
  readonly binding: string
  readonly event: string
  readonly type: string
  readonly source: string
  readonly subject?: string
  readonly tenant: string
  readonly key?: string
  readonly state: DispatchState
  readonly waitFor?: WaitReason
  readonly outcome?: Outcome
  readonly error?: AttemptError
  readonly attempt: number
  readonly spent: number
  readonly startedAt: number
  readonly at: number
  readonly dueAt?: number
  readonly transitions: number
  readonly root: string
  readonly depth: number
  readonly rerunOf?: string
  /** What it waits for at its limits. */
  readonly held?: Held
}

export function summaryOf(row: DispatchTable): DispatchSummary {
  const { started_at, due_at, wait_for, rerun_of, binding, version } = row
  const { number: _, parent: __, outcome, error, subject, key, held, ...same } = row
  return {
    ...pick(same, plainColumns),
    binding: `${binding}@v${version}`,
    startedAt: started_at,
    ...(subject !== null && { subject }),
    ...(key !== null && { key }),
    ...(wait_for !== null && { waitFor: wait_for }),
    ...outcomeOf(row.state, outcome),
    ...(error !== null && { error: JSON.parse(error) as AttemptError }), // written from one
    ...(due_at !== null && { dueAt: due_at }),
    ...(rerun_of !== null && { rerunOf: rerun_of }),
    ...(held !== null && { held: readHeld(held) }),
  }
}

const plainColumns = [
  'id',
  'app',
  'event',
  'type',
  'source',
  'tenant',
  'state',
  'attempt',
  'spent',
  'at',
  'transitions',
  'root',
  'depth',
] as const

function outcomeOf(state: DispatchState, outcome: string | null): { outcome?: Outcome } {
  if (state === 'succeeded') return { outcome: { status: 'succeeded' } }
  return outcome === null ? {} : { outcome: JSON.parse(outcome) as Outcome } // written from one
}

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K> // just these keys
}
