import { encode } from '../codec.ts'
import type { Dispatch, DispatchRecord } from '../dispatch/record.ts'
import type { TimerName } from '../dispatch/event.ts'
import { parseEffectId } from '../id.ts'
import { apply, forget } from './apply.ts'
import { continueBulk, decideLetter } from './commands.ts'
import { beginDraft, hasRoom, move, tryMove, type Draft } from './draft.ts'
import { limits, type EffectResult, type Entry, type Input, type InputOf } from './entry.ts'
import { decideEvent } from './match.ts'
import { quarantineOf } from './quarantine.ts'
import { dueAt, dueOf, isTaken, type Partition } from './state.ts'
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
  apply(partition, stepped.entry, stepped.hash)
  return stepped
}

function attempt(partition: Partition, input: Input, at: number): Stepped {
  const draft = beginDraft(partition, at)
  try {
    decide(draft, input)
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

/** Nothing but live machines and popped timers can have changed; both are made from the state. */
function undo(partition: Partition, draft: Draft): void {
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

function decideDefinition({ partition, facts }: Draft, { change }: InputOf<'def'>): void {
  const { number, manifests, active } = change
  const ignored = (reason: string): void => {
    facts.push({ kind: 'def.ignored', number, reason })
  }
  if (change.app !== partition.app) return ignored(`it is for ${change.app}`)
  if (number !== partition.definitions + 1) {
    return ignored(`change ${partition.definitions + 1} is the next one`)
  }
  const brought = new Set(manifests.map(({ id, version }) => `${id}@v${version}`))
  const unknown = active.find((key) => !brought.has(key) && !partition.manifests.has(key))
  if (unknown !== undefined) return ignored(`no manifest for ${unknown}`)
  facts.push({ kind: 'def.applied', number })
}

function decideEpoch({ partition, facts }: Draft, { epoch }: InputOf<'epoch'>): void {
  if (epoch !== partition.epoch.number + 1) {
    throw new Error(`epoch ${epoch} after ${partition.epoch.number}`)
  }
  const barren = partition.taken === 0 && epoch > 1 ? partition.epoch.barren + 1 : 0
  facts.push({ kind: 'epoch.began', barren })
}

function decideQuarantine({ partition, facts, at }: Draft, input: InputOf<'quarantined'>): void {
  const { reason, dispatch } = input
  facts.push({ kind: 'quarantined', reason })
  if (dispatch === undefined || !partition.dispatches.has(dispatch)) return
  facts.push({ kind: 'dispatch.quarantined', dispatch, at, reason: 'poison' })
}

// --- results ---------------------------------------------------------------------------------

function decideResult(draft: Draft, { effect, result }: InputOf<'result'>): void {
  const { partition, facts } = draft
  if (result.status === 'checkpointed') {
    const { status: _, ...pointer } = result
    facts.push({ kind: 'checkpoint', ...pointer })
    return
  }
  const id = parseEffectId(effect)?.dispatch
  const dispatch = id === undefined ? undefined : partition.dispatches.get(id)
  if (dispatch?.record.effect !== effect || !answer(draft, dispatch, result)) {
    facts.push({ kind: 'result.late', effect, status: result.status })
  }
}

/** False: nothing waits for this kind of result. */
function answer(draft: Draft, dispatch: Dispatch, result: EffectResult): boolean {
  const asking = dispatch.record.state === 'predicate'
  switch (result.status) {
    case 'succeeded':
      return tryMove(draft, dispatch, { type: 'attempt.succeeded' })
    case 'failed': {
      const { error } = result
      if (!asking) return tryMove(draft, dispatch, { type: 'attempt.failed', error })
      const reason = `predicate.error: ${error.message}`.slice(0, 512)
      return tryMove(draft, dispatch, { type: 'predicate.answered', matched: false, reason })
    }
    case 'judged': {
      const { matched, reason } = result
      return tryMove(draft, dispatch, { type: 'predicate.answered', matched, reason })
    }
    case 'killed':
      return tryMove(draft, dispatch, { type: 'attempt.lost', alone: true })
    case 'parked':
      return tryMove(draft, dispatch, { type: 'attempt.parked' })
    case 'unhosted':
      return tryMove(draft, dispatch, { type: 'version.missing' })
    case 'checkpointed':
    case 'posted':
      return false
    default:
      return result satisfies never
  }
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
    move(draft, open(partition, id), { type: 'wait.resolved', for: 'version' })
  }
  if (draft.moved.size > 0) return
  const [bulk] = partition.bulk.values()
  if (bulk) return continueBulk(draft, bulk)
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
    const dispatch = partition.dispatches.get(next.id)
    if (!dispatch || moved.has(next.id) || dueAt(dispatch.record) !== next.at) continue
    move(draft, dispatch, { type: 'timer.due', timer: earliest(dispatch.record) })
  }
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
