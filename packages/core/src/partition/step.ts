import { encode } from '../codec.ts'
import type { Dispatch, DispatchRecord } from '../dispatch/record.ts'
import type { TimerName } from '../dispatch/event.ts'
import { parseEffectId } from '../id.ts'
import { admitAgain } from './admission.ts'
import { applyStepped, forget } from './apply.ts'
import { continueBulk, decideLetter } from './commands.ts'
import { decideDefinition } from './definitions.ts'
import { beginDraft, hasRoom, move, type Draft } from './draft.ts'
import { limits, type Entry, type Input, type InputOf } from './entry.ts'
import { decideEvent, decideHeld } from './match.ts'
import { noteSent, sendAll, sendPosted } from './outbox.ts'
import { owedTo } from './pause.ts'
import { quarantineOf } from './quarantine.ts'
import { decideResult } from './results.ts'
import { continueBacklog, settle, settleLater } from './settle.ts'
import { bury, skipLetter } from './skipped.ts'
import { setAlarm } from './ledgers.ts'
import { dueAt, dueOf, isTaken, ledgerOfAlarm, type Partition } from './state.ts'
import { pop, peek, schedule } from './timers.ts'

/** An entry with its canonical bytes and their sha-256 (hex). */
export interface Stepped {
  readonly entry: Entry
  readonly bytes: Uint8Array
  readonly hash: string
}

/**
 * Decides what an input does, and does it: whole or not at all. Deterministic; changes only its own
 * partition. An input on which deciding throws, or whose entry breaks a bound, is quarantined: the
 * entry says so, and the partition goes on.
 *
 * @param at the host's clock, epoch ms; the entry's time is never before the previous one's
 * @throws only for a host's own mistake: an input that was taken already
 */
export function step(partition: Partition, input: Input, at: number): Stepped {
  if ('ref' in input && input.ref && isTaken(partition, input.ref)) {
    throw new Error(`${input.ref.stream} ${input.ref.seq}/${input.ref.index} was taken already`)
  }
  const time = Math.max(partition.at, Math.floor(at))
  forget(partition, time)
  const stepped = attempt(partition, input, time)
  applyStepped(partition, stepped.entry, stepped.hash)
  return stepped
}

function attempt(partition: Partition, input: Input, at: number): Stepped {
  const draft = beginDraft(partition, at)
  try {
    decide(draft, input)
    settle(draft)
    sendPosted(draft)
    return seal(partition, input, draft)
  } catch (cause) {
    undo(partition, draft)
    return quarantine(partition, input, draft, cause)
  }
}

function seal(partition: Partition, input: Input, { at, facts, effects }: Draft): Stepped {
  if (facts.length > limits.factsPerStepMax) {
    throw new Error(`${facts.length} facts in one step, at most ${limits.factsPerStepMax}`)
  }
  const entry: Entry = { at, input, facts, effects }
  const bytes = encode(entry, { bytesMax: limits.entryBytesMax })
  return { entry, bytes, hash: partition.hash.bytes(bytes) }
}

/**
 * Nothing but live machines, popped timers and ledgers can have changed. The first two are made from
 * the state.
 */
function undo(partition: Partition, draft: Draft): void {
  for (const back of draft.undo.toReversed()) back()
  for (const ledger of draft.ledgers) {
    partition.alarms.delete(ledger)
    setAlarm(partition, ledger)
  }
  for (const id of draft.moved) {
    partition.actors.delete(id)
    const due = dueOf(partition, id)
    if (due !== undefined) schedule(partition.timers, due, id)
  }
}

function quarantine(partition: Partition, input: Input, draft: Draft, cause: unknown): Stepped {
  const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : 'step threw'
  const dispatch = culprit(partition, input, draft)
  const quarantined = {
    ...quarantineOf(partition.hash, reason, input),
    ...(dispatch === undefined ? {} : { dispatch }),
  }
  const second = beginDraft(partition, draft.at)
  decideQuarantine(second, quarantined)
  sendPosted(second)
  return seal(partition, quarantined, second)
}

/** The dispatch on which a step without an input of its own failed: the last one that it moved. */
function culprit(partition: Partition, input: Input, draft: Draft): string | undefined {
  if (input.kind === 'result') {
    const id = parseEffectId(input.effect)?.dispatch
    return id !== undefined && partition.dispatches.has(id) ? id : undefined
  }
  return input.kind === 'tick' ? [...draft.moved].at(-1) : undefined
}

function decide(draft: Draft, input: Input): void {
  switch (input.kind) {
    case 'event':
      return decideEvent(draft, input)
    case 'held':
      return decideHeld(draft, input)
    case 'letter':
      return decideLetter(draft, input)
    case 'def':
      return decideDefinition(draft, input)
    case 'result':
      return decideResult(draft, input)
    case 'tick':
      return decideTick(draft)
    case 'epoch':
      return decideEpoch(draft, input)
    case 'quarantined':
      return decideQuarantine(draft, input)
    default:
      return input satisfies never
  }
}

function decideEpoch(draft: Draft, { epoch }: InputOf<'epoch'>): void {
  const { partition, facts } = draft
  if (epoch !== partition.epoch.number + 1) {
    throw new Error(`epoch ${epoch} after ${partition.epoch.number}`)
  }
  const barren = partition.taken === 0 && epoch > 1 ? partition.epoch.barren + 1 : 0
  facts.push({ kind: 'epoch.began', barren })
  sendAll(draft)
}

function decideQuarantine(draft: Draft, input: InputOf<'quarantined'>): void {
  const { partition, facts } = draft
  const { reason, held, dispatch, letter, ref, posted } = input
  facts.push({ kind: 'quarantined', reason })
  if (held) {
    const { seq, index } = held.place
    const bindings = owedTo(partition, held.bindings, [seq, index])
    facts.push({ kind: 'event.released', seq, index, bindings, bytes: held.bytes })
  }
  if (posted) noteSent(draft, posted.to, posted.upTo)
  if (dispatch !== undefined) bury(draft, dispatch)
  if (letter && ref) skipLetter(draft, letter, ref.stream)
  // Whoever is let in now may be the one on whom the step threw.
  settleLater(draft)
}

// --- ticks -----------------------------------------------------------------------------------

/** What is due, oldest first, after what the epoch before left behind; never more than a bound. */
function decideTick(draft: Draft): void {
  const { partition } = draft
  for (const id of firstOf(partition.orphans)) {
    if (!hasRoom(draft, limits.timersPerTickMax)) return
    move(draft, open(partition, id), { type: 'attempt.lost', alone: false })
  }
  for (const id of firstOf(partition.hosted)) {
    if (!hasRoom(draft, limits.timersPerTickMax)) return
    resume(draft, open(partition, id))
  }
  if (draft.moved.size > 0) return
  const [bulk] = partition.bulk.values()
  if (bulk) return continueBulk(draft, bulk)
  const [backlog] = partition.backlog
  if (backlog !== undefined) return continueBacklog(draft, backlog)
  fireTimers(draft)
}

function firstOf(ids: ReadonlySet<string>): readonly string[] {
  const first: string[] = []
  for (const id of ids) {
    if (first.length >= limits.bulkPerTickMax) break
    first.push(id)
  }
  return first.sort()
}

function fireTimers(draft: Draft): void {
  const { partition, at, moved } = draft
  const { timers } = partition
  while (hasRoom(draft, limits.timersPerTickMax)) {
    const next = peek(timers)
    if (!next || next.at > at) return
    pop(timers)
    const ledger = ledgerOfAlarm(next.id)
    if (ledger !== undefined) {
      if (dueOf(partition, next.id) !== next.at) continue
      partition.alarms.delete(ledger)
      draft.ledgers.add(ledger)
      draft.touched.add(ledger)
      // What it lets in moves at once, and counts.
      settle(draft)
      continue
    }
    const dispatch = partition.dispatches.get(next.id)
    if (!dispatch || moved.has(next.id) || dueAt(dispatch.record) !== next.at) continue
    fire(draft, dispatch)
  }
}

function fire(draft: Draft, dispatch: Dispatch): void {
  const timer = earliest(dispatch.record)
  const standing = timer === 'retry' ? admitAgain(draft, dispatch) : undefined
  move(draft, dispatch, { type: 'timer.due', timer, ...(standing && { standing }) })
}

/** Code that it waited for is here. One that waited with its predicate has nothing to ask yet. */
function resume(draft: Draft, dispatch: Dispatch): void {
  const standing = dispatch.record.attempt === 0 ? undefined : admitAgain(draft, dispatch)
  move(draft, dispatch, { type: 'wait.resolved', for: 'version', ...(standing && { standing }) })
}

const timerOrder: readonly TimerName[] = ['close', 'start', 'attempt', 'predicate', 'wait', 'retry']

/** Deadlines of the whole come before those of a part. */
function earliest(record: DispatchRecord): TimerName {
  const due = dueAt(record)
  const name = timerOrder.find((timer) => record.timers[timer] === due)
  if (name === undefined) throw new Error('no timer is set')
  return name
}

function open(partition: Partition, id: string): Dispatch {
  const dispatch = partition.dispatches.get(id)
  if (!dispatch) throw new Error(`${id} is not open`)
  return dispatch
}
