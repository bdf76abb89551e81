import type { Rule, RulePatch } from '@waybill/core'
import type { ResponseOf } from './contract.ts'
import type { Operation } from './operations.ts'
import type { PartitionRow } from './shapes.ts'

/** What several instances say of one thing, as one thing: for everyone who shows it to people. */

// --- limits ----------------------------------------------------------------------------------

type FlowAnswers = readonly Pick<ResponseOf<'flow.list'>, 'limits' | 'ledgers'>[]
type LedgerRow = ResponseOf<'flow.list'>['ledgers'][number]
type LimitRow = ResponseOf<'flow.list'>['limits'][number]

/** A limit with all its ledgers, whoever leads them. */
export interface WholeLimit {
  readonly limit: string
  readonly app: string
  /** In force. */
  readonly rule: Rule
  /** As deployed; absent where only its ledgers are known. */
  readonly deployed?: Rule
  readonly override?: LimitRow['override']
  readonly ledgers: readonly LedgerRow[]
  readonly used: number
  readonly waiting: number
  readonly oldest?: number
}

export function limitsOf(answers: FlowAnswers): WholeLimit[] {
  const limits = new Map<string, LimitRow>()
  for (const row of answers.flatMap((answer) => answer.limits)) {
    limits.set(`${row.app} ${row.limit}`, row)
  }
  const ledgers = answers.flatMap((answer) => answer.ledgers)
  const names = new Set([...limits.values(), ...ledgers].map((row) => `${row.app} ${row.limit}`))
  return [...names].sort().flatMap((name) => wholeOf(name, limits.get(name), ledgers) ?? [])
}

function wholeOf(
  name: string,
  known: LimitRow | undefined,
  all: readonly LedgerRow[],
): WholeLimit | undefined {
  const ledgers = all.filter((row) => `${row.app} ${row.limit}` === name)
  const [first] = ledgers
  if (!known) return first && { ...named(first), ledgers, ...sumsOf(ledgers) }
  const { override, rule: deployed } = known
  const rule = first?.rule ?? patchedRule(deployed, override?.rule ?? null)
  const set = override && { override }
  return { ...named(known), rule, deployed, ...set, ledgers, ...sumsOf(ledgers) }
}

const named = ({ limit, app, rule }: LimitRow | LedgerRow) => ({ limit, app, rule })

function sumsOf(ledgers: readonly LedgerRow[]): Pick<WholeLimit, 'used' | 'waiting' | 'oldest'> {
  const oldest = Math.min(...ledgers.flatMap((row) => row.oldest ?? []))
  return {
    used: ledgers.reduce((sum, row) => sum + row.used, 0),
    waiting: ledgers.reduce((sum, row) => sum + row.waiting, 0),
    ...(Number.isFinite(oldest) && { oldest }),
  }
}

const patchedRule = (rule: Rule, patch: RulePatch): Rule => ({ ...rule, ...patch }) as Rule // as set

// --- operations ------------------------------------------------------------------------------

/** Newest first. The word of whoever runs it counts; to the others it was interrupted. */
export function operationsOf(
  answers: readonly { readonly operations: readonly Operation[] }[],
): Operation[] {
  const found = new Map<string, Operation>()
  for (const one of answers.flatMap(({ operations }) => operations)) {
    if (!found.has(one.id) || one.state !== 'interrupted') found.set(one.id, one)
  }
  return [...found.values()].sort((a, b) => b.at - a.at)
}

// --- pauses ----------------------------------------------------------------------------------

export interface Pause {
  /** Absent: it was resumed, and is being given what was held. */
  readonly pause?: { readonly since: number; readonly by: string; readonly reason: string }
  /** Absent: of the whole app. */
  readonly binding?: string
  readonly events: number
  readonly ageMs: number
}

/** Of all partitions together: each holds its own part. */
export function pauseOf(
  { app, key }: { readonly app: string; readonly key: string },
  partitions: readonly Pick<PartitionRow, 'partition' | 'pauses'>[],
): Pause | undefined {
  const id = key.slice(0, key.lastIndexOf('@'))
  const pauses = partitions
    .filter(({ partition }) => partition.app === app)
    .flatMap((one) => one.pauses)
  const own = pauses.filter((one) => one.binding === id)
  const whole = pauses.find((one) => one.binding === undefined)
  const order = own.find(({ pause }) => pause)?.pause ?? whole?.pause
  if (!order && own.length === 0) return undefined
  return {
    ...(order && { pause: order }),
    ...(own.length > 0 && { binding: id }),
    events: own.reduce((sum, { held }) => sum + (held?.events ?? 0), 0),
    ageMs: Math.max(0, ...own.map(({ held }) => held?.ageMs ?? 0)),
  }
}
