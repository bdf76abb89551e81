import type { BindingKey, Manifest } from '../binding.ts'
import type { LiveDispatch } from '../dispatch/actor.ts'
import { typeMatches } from '../type-pattern.ts'
import type { Hash } from '../id.ts'
import { createDedupe, type Dedupe } from './dedupe.ts'
import type { Member } from '../dispatch/flow.ts'
import type {
  DeadReason,
  Dispatch,
  DispatchOrigin,
  DispatchRecord,
  InputRef,
} from '../dispatch/record.ts'
import type { CircuitView } from '../ledger/circuit-state.ts'
import { gateOf } from '../ledger/gates.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { labelIn, type Place } from '../ledger/limit.ts'
import { patched, type Rule, type RulePatch } from '../ledger/rule.ts'
import { limits } from './entry.ts'
import type { Held, Pause } from './held.ts'
import type { Letter, LetterBody } from './letter.ts'
import { createTimers, peek, pop, type Timers } from './timers.ts'

/** How far one input stream is read: the last message taken, and the place inside it. */
export interface Position {
  readonly seq: number
  readonly index: number
  readonly hash: string
}

export interface Epoch {
  readonly number: number
  readonly instance: string
  readonly incarnation: string
  /** Epochs in a row, this one included, that began without an input taken since the one before. */
  readonly barren: number
  readonly hosts: ReadonlySet<string>
}

export interface Bulk {
  readonly letter: string
  readonly body: LetterBody
  readonly replyTo?: string | undefined
  readonly upTo: number
  readonly cursor: number
  readonly done: number
}

/** A dispatch that ended in `dlq`, with what it takes to run it again. */
export interface DeadLetter {
  readonly at: number
  readonly reason: DeadReason
  /** Absent in snapshots of builds that could not redrive. */
  readonly origin?: DispatchOrigin | undefined
  readonly limits?: readonly Place[] | undefined
  readonly batch?: readonly Member[] | undefined
  /** The dispatch that runs it again. */
  readonly as?: string | undefined
  readonly discarded?: boolean | undefined
}

export interface Outbox {
  /** Number of the last letter queued. */
  readonly last: number
  /** Ascending; those that are known to be stored leave at the front. */
  readonly queued: { readonly number: number; readonly letter: Letter }[]
}

/** The rule that was deployed for a limit, as far as this partition knows. */
export interface RuleInForce {
  readonly rule: Rule
  /** When it came into force, epoch ms. */
  readonly since: number
}

/** What an operator set in its place (rule 7.9). */
export interface Override {
  readonly rule: RulePatch
  readonly by: string
  readonly reason: string
  readonly at: number
}

export interface CheckpointPointer {
  readonly position: number
  readonly number: number
  readonly hash: string
  readonly snapshot: string
}

/**
 * All that a partition knows. Changed by `apply` only. Below `// derived` stands what is rebuilt
 * from the rest: never stored, never compared.
 */
export interface Partition {
  readonly app: string
  readonly generation: number
  readonly slot: number
  readonly hash: Hash
  at: number
  epoch: Epoch
  /** Inputs taken since the epoch began, epochs not counted. */
  taken: number
  streams: Readonly<Record<string, string>>
  readonly positions: Map<string, Position>
  /** Number of the latest change applied, 0 before the first deploy. */
  definitions: number
  /** When that one came into force, epoch ms: rises with every change. */
  since: number
  readonly manifests: Map<string, Manifest>
  /** Binding id -> the version that new events start. */
  readonly active: Map<string, BindingKey>
  /** Dispatches started so far. */
  started: number
  /** Open ones, in the order they started. */
  readonly dispatches: Map<string, Dispatch>
  readonly dead: Map<string, DeadLetter>
  readonly seen: Dedupe
  readonly ended: Dedupe
  readonly letters: Dedupe
  readonly outbox: Map<string, Outbox>
  /** Sender and lane -> number of the last letter taken. */
  readonly inbox: Map<string, number>
  readonly bulk: Map<string, Bulk>
  readonly ledgers: Map<string, Ledger>
  /** By the label of the limit. */
  readonly rules: Map<string, RuleInForce>
  readonly overrides: Map<string, Override>
  /** What is known of circuits that are elsewhere, by ledger. */
  readonly views: Map<string, CircuitView>
  /** By the binding's id, or `*` for the whole app. */
  readonly pauses: Map<string, Pause>
  /** Binding id -> what it is owed; nothing new is given to it before that. */
  readonly held: Map<string, Held>
  /** Places after the first held event that nobody is owed: sequence, index, sequence, index ... */
  readonly passed: number[]
  /** `<ledger> <ticket>`: given back before it asked. */
  readonly voided: Set<string>
  /** Ledgers, or labels of limits, with more to do than fitted one step; the oldest first. */
  readonly backlog: Set<string>
  checkpoint: CheckpointPointer | undefined

  // derived
  readonly timers: Timers
  /** Ledgers in which somebody waits. */
  readonly queues: Set<string>
  /** When a ledger is next due, as far as a timer is set. */
  readonly alarms: Map<string, number>
  /** Dispatches whose attempt was running when the epoch before ended. */
  readonly orphans: Set<string>
  /** Dispatches that wait for code which this epoch's host has. */
  readonly hosted: Set<string>
  /** Machines of dispatches that are moving; the record is the truth, this only saves time. */
  readonly actors: Map<string, LiveDispatch>
  /** Event type -> active bindings that may match; emptied when definitions change. */
  readonly routes: Map<string, readonly Manifest[]>
}

export interface PartitionId {
  readonly app: string
  readonly generation: number
  readonly slot: number
}

export function createPartition(id: PartitionId, hash: Hash): Partition {
  return {
    ...id,
    hash,
    at: 0,
    epoch: { number: 0, instance: '', incarnation: '', barren: 0, hosts: new Set() },
    taken: 0,
    streams: {},
    positions: new Map(),
    definitions: 0,
    since: 0,
    manifests: new Map(),
    active: new Map(),
    started: 0,
    dispatches: new Map(),
    dead: new Map(),
    seen: createDedupe(),
    ended: createDedupe(),
    letters: createDedupe(),
    outbox: new Map(),
    inbox: new Map(),
    bulk: new Map(),
    ledgers: new Map(),
    rules: new Map(),
    overrides: new Map(),
    views: new Map(),
    pauses: new Map(),
    held: new Map(),
    passed: [],
    voided: new Set(),
    backlog: new Set(),
    checkpoint: undefined,
    timers: createTimers(),
    queues: new Set(),
    alarms: new Map(),
    orphans: new Set(),
    hosted: new Set(),
    actors: new Map(),
    routes: new Map(),
  }
}

/** Active bindings whose types cover this one, in the order of their ids. */
export function candidates(partition: Partition, type: string): readonly Manifest[] {
  const known = partition.routes.get(type)
  if (known) return known
  const found = [...partition.active.values()]
    .sort()
    .map((key) => manifestOf(partition, key))
    .filter((binding) => binding.on.some((pattern) => typeMatches(pattern, type)))
  if (partition.routes.size >= routesMax) partition.routes.clear()
  partition.routes.set(type, found)
  return found
}

const routesMax = 10_000

export function manifestOf(partition: Partition, key: string): Manifest {
  const found = partition.manifests.get(key)
  if (!found) throw new Error(`no manifest for ${key} in ${partition.app}/${partition.slot}`)
  return found
}

/** Has the partition read this input already? Readers may show one twice, never out of order. */
export function isTaken(partition: Partition, ref: InputRef): boolean {
  const position = partition.positions.get(ref.stream)
  if (!position) return false
  return ref.seq < position.seq || (ref.seq === position.seq && ref.index <= position.index)
}

/**
 * When a tick is due, epoch ms: now (0) while work is left over, else the earliest timer. Undefined:
 * nothing is awaited.
 */
export function nextDue(partition: Partition): number | undefined {
  const { orphans, hosted, bulk, backlog, timers } = partition
  if (orphans.size > 0 || hosted.size > 0 || bulk.size > 0 || backlog.size > 0) return 0
  for (let next = peek(timers); next; next = peek(timers)) {
    if (dueOf(partition, next.id) === next.at) return next.at
    pop(timers)
  }
  return undefined
}

/** The first input after this many barren epochs is quarantined unread (rule 12.3). */
export const mustQuarantine = (partition: Partition): boolean =>
  partition.taken === 0 && partition.epoch.barren >= limits.barrenEpochsMax

/** The earliest timer of a record, epoch ms. */
export function dueAt({ timers }: DispatchRecord): number | undefined {
  let due: number | undefined
  for (const at of Object.values(timers)) {
    if (at !== undefined && (due === undefined || at < due)) due = at
  }
  return due
}

/** Of a dispatch, or of a ledger under its `alarmOf`. */
export function dueOf(partition: Partition, id: string): number | undefined {
  if (id.startsWith(alarm)) return dueOfLedger(partition, id.slice(alarm.length))
  const dispatch = partition.dispatches.get(id)
  return dispatch && dueAt(dispatch.record)
}

const alarm = 'ledger '
/** The name under which a ledger stands among the timers; no id of a dispatch has a blank. */
export const alarmOf = (ledger: string): string => `${alarm}${ledger}`
export const ledgerOfAlarm = (id: string): string | undefined =>
  id.startsWith(alarm) ? id.slice(alarm.length) : undefined

export function dueOfLedger(partition: Partition, id: string): number | undefined {
  const ledger = partition.ledgers.get(id)
  if (!ledger) return undefined
  const rule = ruleOf(partition, id)
  return rule && gateOf(rule).due(ledger, rule)
}

/** The rule that a ledger goes by now; undefined: nothing was ever asked under its limit. */
export function ruleOf(partition: Partition, ledger: string): Rule | undefined {
  const label = labelIn(ledger)
  const inForce = partition.rules.get(label)
  return inForce && withOverride(partition, label, inForce.rule)
}

/** What an operator set goes before what was deployed, where the rule has such numbers. */
export function withOverride({ overrides }: Partition, label: string, rule: Rule): Rule {
  const override = overrides.get(label)
  return (override && patched(rule, override.rule)) ?? rule
}
