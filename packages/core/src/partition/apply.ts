import type { DispatchEvent } from '../dispatch/event.ts'
import type { Dispatch, DispatchRecord } from '../dispatch/record.ts'
import { isFinal } from '../dispatch/record.ts'
import { countUntil, isEmpty } from '../ledger/ledger.ts'
import { applyDefinition } from './deployed.ts'
import { expire, remember } from './dedupe.ts'
import { limits, type Entry, type Fact, type FactOf, type Input, type InputOf } from './entry.ts'
import { applyLedgerFact, setAlarm, type LedgerFact } from './ledgers.ts'
import { inboxKey, outboxKey } from './outbox.ts'
import { forgetPassed, holdBack, passBy, release } from './pause.ts'
import {
  dueAt,
  dueOf,
  manifestOf,
  ruleOf,
  type DeadLetter,
  type Outbox,
  type Partition,
} from './state.ts'
import { compact, schedule } from './timers.ts'
import { sweepCircuits } from './views.ts'

/**
 * Takes an entry as given: moves the state on, decides nothing, needs no machine. Live work, recovery
 * and projections all come through here, so they cannot come apart.
 *
 * @param hash sha-256 of the entry's canonical bytes, hex
 */
export function apply(partition: Partition, entry: Entry, hash: string): void {
  applyAll(partition, entry, hash, false)
}

/** The same for a step's own entry, whose moves of ledgers were made while it was decided. */
export function applyStepped(partition: Partition, entry: Entry, hash: string): void {
  applyAll(partition, entry, hash, true)
}

function applyAll(partition: Partition, entry: Entry, hash: string, stepped: boolean): void {
  // A step forgot before it decided: a rule that it brought must not sweep what went before.
  if (!stepped) forget(partition, entry.at)
  partition.at = entry.at
  takeInput(partition, entry.input)
  for (const fact of entry.facts) {
    if (!isLedgerFact(fact)) applyFact(partition, fact, entry, hash)
    else if (!stepped) applyLedgerFact(partition, fact, entry.at)
  }
}

type OtherFact = Exclude<Fact, LedgerFact>
const isLedgerFact = (fact: Fact): fact is LedgerFact => fact.kind.startsWith('ledger.')

function takeInput(partition: Partition, input: Input): void {
  if (input.kind === 'epoch') return
  partition.taken += 1
  if (!('ref' in input) || input.ref === undefined) return
  const { stream, seq, index, hash } = input.ref
  partition.positions.set(stream, { seq, index, hash })
}

function applyFact(partition: Partition, fact: OtherFact, entry: Entry, hash: string): void {
  switch (fact.kind) {
    case 'transition':
      return applyTransition(partition, fact, hash)
    case 'event.seen': {
      const input = entry.input as InputOf<'event'>
      remember(partition.seen, entry.at, input.head.id, input.head.digest)
      return holdBack(partition, input)
    }
    case 'event.duplicate':
      return passBy(partition, (entry.input as InputOf<'event'>).ref)
    case 'event.released':
      return release(partition, fact)
    case 'quarantined':
      return passBy(partition, (entry.input as InputOf<'quarantined'>).ref)
    case 'def.refused':
      partition.definitions = fact.number
      return
    case 'def.applied':
      return applyDefinition(partition, entry.input as InputOf<'def'>)
    case 'letter.taken':
      return takeLetter(partition, entry, fact.id)
    case 'letter.skipped':
      partition.inbox.set(inboxKey(fact.from, fact.stream), fact.number)
      return
    case 'letter.queued':
      return queueLetter(partition, fact)
    case 'letter.sent':
      return dropLetter(partition, fact)
    case 'epoch.began':
      return beginEpoch(partition, entry.input as InputOf<'epoch'>, fact.barren)
    case 'checkpoint': {
      const { kind: _, ...pointer } = fact
      partition.checkpoint = pointer
      return
    }
    case 'dispatch.quarantined':
      return applyQuarantine(partition, fact, hash)
    case 'dead.redriven':
      return markDead(partition, fact.dispatch, { as: fact.as })
    case 'dead.discarded':
      return markDead(partition, fact.dispatch, { discarded: true })
    case 'bulk.began': {
      const { letter, body, replyTo, upTo } = fact
      partition.bulk.set(letter, { letter, body, replyTo, upTo, cursor: 0, done: 0 })
      return
    }
    case 'bulk.advanced':
      return advanceBulk(partition, fact)
    case 'def.ignored':
    case 'letter.duplicate':
    case 'result.late':
      return
    default:
      return fact satisfies never
  }
}

function applyTransition(partition: Partition, fact: FactOf<'transition'>, head: string): void {
  const { dispatch: id, record, event } = fact
  const before = partition.dispatches.get(id)
  const origin = fact.origin ?? before?.origin
  if (!origin) throw new Error(`transition ${fact.index} of ${id}, which never began`)
  if (fact.origin) partition.started = fact.origin.ordinal
  settle(partition, { id, origin, record, head, ...sharedWith(event, before) })
}

/** What its events brought: where its ledgers are, and whom it stands for. */
function sharedWith(
  event: DispatchEvent,
  before: Dispatch | undefined,
): Pick<Dispatch, 'limits' | 'batch'> {
  const limits = ('limits' in event ? event.limits : undefined) ?? before?.limits
  const batch = ('members' in event ? event.members : undefined) ?? before?.batch
  return { ...(limits && { limits }), ...(batch && { batch }) }
}

function applyQuarantine(
  partition: Partition,
  { dispatch: id, at, reason }: FactOf<'dispatch.quarantined'>,
  head: string,
): void {
  const before = partition.dispatches.get(id)
  if (!before) return
  const record: DispatchRecord = {
    ...before.record,
    state: 'dlq',
    at,
    index: before.record.index + 1,
    effect: undefined,
    waitFor: undefined,
    timers: {},
    outcome: { status: 'dlq', reason },
  }
  settle(partition, { ...before, record, head })
}

/** Puts a dispatch where its record says that it belongs. */
function settle(partition: Partition, dispatch: Dispatch): void {
  const { id, record } = dispatch
  partition.orphans.delete(id)
  partition.hosted.delete(id)
  // Only what runs is kept awake: a parked dispatch is a record.
  if (record.state !== 'attempting') partition.actors.delete(id)
  if (isFinal(record.state)) {
    partition.dispatches.delete(id)
    remember(partition.ended, record.at, id, '')
    if (record.outcome?.status === 'dlq') {
      const { origin, limits: places, batch } = dispatch
      const { reason } = record.outcome
      partition.dead.set(id, { at: record.at, reason, origin, limits: places, batch })
    }
    return
  }
  partition.dispatches.set(id, dispatch)
  const due = dueAt(record)
  if (due === undefined) return
  schedule(partition.timers, due, id)
  // Timers that became moot stay in the heap until they are due or outnumber the live ones.
  if (
    partition.timers.size >
    2 * (partition.dispatches.size + partition.ledgers.size) + compactSlack
  ) {
    compact(partition.timers, (at, of) => dueOf(partition, of) === at)
  }
}

const compactSlack = 4096

function beginEpoch(partition: Partition, input: InputOf<'epoch'>, barren: number): void {
  const { epoch: number, instance, incarnation, hosts, streams } = input
  partition.epoch = { number, instance, incarnation, barren, hosts: new Set(hosts) }
  partition.streams = streams
  partition.taken = 0
  partition.actors.clear()
  findLeftovers(partition)
}

/** What an epoch inherits: attempts that ran elsewhere, and waits for code that is here now. */
export function findLeftovers(partition: Partition): void {
  const { orphans, hosted, epoch } = partition
  orphans.clear()
  hosted.clear()
  for (const { id, origin, record } of partition.dispatches.values()) {
    // What this epoch itself began is no leftover: a snapshot taken within it must tell the same.
    if (record.epoch >= epoch.number) continue
    if (record.state === 'attempting' || record.state === 'predicate') orphans.add(id)
    if (record.state !== 'waiting' || record.waitFor !== 'version') continue
    if (epoch.hosts.has(manifestOf(partition, origin.binding).hash)) hosted.add(id)
  }
}

function markDead(partition: Partition, id: string, mark: Partial<DeadLetter>): void {
  const dead = partition.dead.get(id)
  if (dead) partition.dead.set(id, { ...dead, ...mark })
}

function takeLetter(partition: Partition, { at, input }: Entry, id: string): void {
  const { ref, letter } = input as InputOf<'letter'>
  const { kind, id: from, number } = letter.from
  if (kind === 'client') remember(partition.letters, at, id, '')
  else partition.inbox.set(inboxKey(from, ref.stream), number ?? 0)
}

function queueLetter(partition: Partition, fact: FactOf<'letter.queued'>): void {
  const { to, number, letter } = fact
  const before: Outbox = partition.outbox.get(outboxKey(to)) ?? { last: 0, queued: [] }
  before.queued.push({ number, letter })
  partition.outbox.set(outboxKey(to), { last: number, queued: before.queued })
}

function dropLetter(partition: Partition, { to, number }: FactOf<'letter.sent'>): void {
  const before = partition.outbox.get(outboxKey(to))
  if (!before) return
  const left = before.queued.findIndex((letter) => letter.number > number)
  before.queued.splice(0, left === -1 ? before.queued.length : left)
}

function advanceBulk(partition: Partition, fact: FactOf<'bulk.advanced'>): void {
  const before = partition.bulk.get(fact.letter)
  if (!before) return
  if (fact.ended) partition.bulk.delete(fact.letter)
  else partition.bulk.set(fact.letter, { ...before, cursor: fact.cursor, done: fact.done })
}

const hourMs = 3_600_000
const hourOf = (at: number): number => Math.floor(at / hourMs)

/**
 * Once an hour of the partition's own time, so that a fold forgets exactly what the live one did. A
 * step asks for it before it decides, too: what has lapsed in a quiet hour must not count.
 */
export function forget(partition: Partition, at: number): void {
  if (hourOf(at) === hourOf(partition.at)) return
  expire(partition.seen, at, limits.dedupeWindowMs)
  expire(partition.ended, at, limits.endedRememberedMs)
  expire(partition.letters, at, limits.lettersRememberedMs)
  for (const [id, dead] of partition.dead) {
    if (dead.at < at - limits.deadRememberedMs) partition.dead.delete(id)
  }
  forgetPassed(partition)
  sweepLedgers(partition, at)
}

/** Windows that are over, and ledgers that say nothing any more. */
function sweepLedgers(partition: Partition, at: number): void {
  sweepCircuits(partition, at)
  for (const [id, ledger] of partition.ledgers) {
    const rule = ruleOf(partition, id)
    if (!rule || !('periodMs' in rule)) continue
    ledger.stamps = ledger.stamps.slice(countUntil(ledger.stamps, at - rule.periodMs))
    if (isEmpty(ledger)) partition.ledgers.delete(id)
    // Whoever waits for the window may be let in now, though no timer was set for this moment.
    else setAlarm(partition, id)
  }
}
