import {
  type AttemptError,
  type DispatchEvent,
  type DispatchOrigin,
  type Entry,
  type Transition,
} from '@waybill/core'
import { createGateReader } from '../gates.ts'
import type { History, HistoryEntry } from '../history.ts'
import type { Manifests } from './action-graph.ts'
import type { Canvas } from './canvas.ts'
import { drawCancel, drawDead, drawSkip } from './draw-ends.ts'
import { drawGates, leaveGate } from './draw-gates.ts'
import { attemptId, createPen, moveTo, type Pen, triggerId } from './pen.ts'

/** What the rest of a chain needs to know of a dispatch. */
export interface Drawn {
  readonly id: string
  readonly event: string | undefined
  /** The dispatch whose handler sent the event. */
  readonly parent: string | undefined
  readonly lastAttempt: string | undefined
  /** The dispatch that it runs again. */
  readonly rerunOf: string | undefined
  readonly redriven: boolean
  /** Its first node but the trigger's, and its last one. */
  readonly first: string | undefined
  readonly last: string | undefined
}

export function drawDispatch(
  canvas: Canvas,
  { id, entries }: History,
  manifests: Manifests,
): Drawn {
  const pen = createPen(canvas, id)
  const read = createGateReader()
  for (const one of entries) {
    const { entry, fact } = one
    if (fact.kind === 'dispatch.quarantined') {
      drawDead(pen, one, { reason: fact.reason, attempts: pen.attempt })
      continue
    }
    pen.words = read({ entry, fact })
    if (fact.origin) drawStart(pen, one, fact.origin, manifests)
    leave(pen, one, fact)
    drawGates(pen, one, fact)
    arrive(pen, one, fact)
  }
  const [first] = entries
  return {
    id,
    ...beginning(first),
    lastAttempt: pen.attempt === 0 ? undefined : attemptId(pen),
    first: pen.first,
    last: pen.at,
  }
}

function beginning(first: HistoryEntry | undefined) {
  const head = first?.entry.input.kind === 'event' ? first.entry.input.head : undefined
  const { rerunOf, redrives } = (first?.fact.kind === 'transition' && first.fact.origin) || nothing
  return { event: head?.id, parent: head?.chain.parent, rerunOf, redriven: redrives !== undefined }
}

const nothing = { rerunOf: undefined, redrives: undefined }

function drawStart(
  pen: Pen,
  { entry, seq }: HistoryEntry,
  { binding, event, rerunOf }: DispatchOrigin,
  manifests: Manifests,
): void {
  const { canvas, id } = pen
  pen.binding = binding
  pen.manifest = manifests(binding)
  pen.at = triggerId(event)
  const trigger = { id: pen.at, kind: 'trigger' as const, ...triggerOf(entry, event), seq }
  // Who runs again begins with a letter, and the event is told by the one before.
  if (rerunOf === undefined) canvas.put(trigger)
  else canvas.offer(trigger)
  const asked = pen.manifest?.when
  if (!asked || rerunOf !== undefined) return
  const predicate = `predicate:${id}`
  const label = asked.kind === 'cel' ? asked.text : 'function'
  const metadata = { dispatch: id, binding }
  const matched = { status: 'completed', outcome: 'true' }
  canvas.put({ id: predicate, kind: 'predicate', label, ...matched, metadata, seq })
  canvas.edge(pen.at, predicate, 'trigger_dispatch')
  pen.at = predicate
  pen.leads = 'predicate_gate'
}

function triggerOf({ input }: Entry, event: string) {
  if (!('head' in input)) return { label: event, status: 'received', metadata: { event } }
  const { type, source, subject, tenant, time, chain } = input.head
  const depth = chain.depth
  return {
    label: type,
    status: 'received',
    metadata: { event, source, ...(subject !== undefined && { subject }), tenant, time, depth },
  }
}

/** What a transition says about the node that the dispatch leaves. */
function leave(pen: Pen, one: HistoryEntry, fact: Transition): void {
  const { canvas, at } = pen
  const { seq } = one
  if (at === undefined) return
  switch (fact.from) {
    case 'attempting':
      return endAttempt(pen, one, fact)
    case 'predicate':
      return endPredicate(pen, fact, seq)
    case 'flowGated':
      return leaveGate(pen, fact, seq)
    case 'retryWait':
    case 'waiting':
      return canvas.change(at, { status: isOver(fact) ? fact.to : 'over', seq })
    case null:
    case 'received':
    case 'succeeded':
    case 'skipped':
    case 'failed':
    case 'cancelled':
    case 'superseded':
    case 'dlq':
      return
    default:
      return fact.from satisfies never
  }
}

const isOver = ({ to }: Transition): boolean => to === 'cancelled' || to === 'superseded'

function endPredicate({ canvas, id }: Pen, { event, to }: Transition, seq: number): void {
  const predicate = `predicate:${id}`
  if (event.type === 'predicate.answered') {
    const outcome = String(event.matched)
    const metadata = event.reason === undefined ? {} : { reason: event.reason }
    canvas.change(predicate, { status: 'completed', outcome, metadata, seq })
  } else if (to !== 'predicate') {
    canvas.change(predicate, { status: to === 'skipped' ? 'timeout' : to, seq })
  }
}

function endAttempt(pen: Pen, { entry, seq }: HistoryEntry, fact: Transition): void {
  const { canvas } = pen
  const attempt = attemptId(pen)
  const { sent = [], ...reported } = reportOf(entry)
  const metadata = { ...reported, ...(sent.length > 0 && { sent }), ...errorOf(fact) }
  canvas.change(attempt, { ...endOf(fact.event), metadata, seq })
  for (const event of sent) {
    const label = event.slice(0, event.lastIndexOf('-') + 9)
    const id = triggerId(event)
    canvas.offer({ id, kind: 'trigger', label, status: 'sent', metadata: { event }, seq: 0 })
    canvas.edge(attempt, id, 'caused')
  }
}

/** What the handler's run told of itself, where it came to tell. */
function reportOf({ input }: Entry): { ms?: number; sent?: readonly string[] } {
  if (input.kind !== 'result') return {}
  const { result } = input
  if (result.status !== 'succeeded' && result.status !== 'failed') return {}
  return { ms: result.ms, sent: result.sent }
}

function errorOf({ event, to, record }: Transition): { error?: AttemptError } {
  if (event.type === 'attempt.failed') return { error: event.error }
  return record.error && to !== 'succeeded' ? { error: record.error } : {}
}

function endOf(event: DispatchEvent): { status: string; outcome: string } {
  switch (event.type) {
    case 'attempt.succeeded':
      return { status: 'completed', outcome: 'success' }
    case 'attempt.failed':
      return { status: 'failed', outcome: event.error.class }
    case 'attempt.lost':
      return { status: 'failed', outcome: 'lost' }
    case 'attempt.parked':
      return { status: 'parked', outcome: 'no attempt spent' }
    case 'version.missing':
      return { status: 'parked', outcome: 'no code here' }
    case 'timer.due':
      return { status: 'failed', outcome: event.timer === 'close' ? 'expired' : 'timeout' }
    case 'cancel.requested':
      return { status: 'cancelled', outcome: 'cancelled' }
    case 'dispatch.superseded':
      return { status: 'cancelled', outcome: 'superseded' }
    case 'dispatch.started':
    case 'predicate.answered':
    case 'gate.granted':
    case 'circuit.answered':
    case 'gate.waiting':
    case 'gate.refused':
    case 'wait.began':
    case 'wait.resolved':
      return { status: 'suspended', outcome: event.type }
    default:
      return event satisfies never
  }
}

/** The node that a transition leads to. `succeeded` and `failed` are the end of an attempt's own. */
function arrive(pen: Pen, one: HistoryEntry, fact: Transition): void {
  const { record } = fact
  switch (fact.to) {
    case 'attempting':
      return drawAttempt(pen, one, record.attempt)
    case 'predicate':
      return drawAsking(pen, one)
    case 'retryWait':
      return drawRetry(pen, one, fact)
    case 'waiting':
      return drawWait(pen, one, fact)
    case 'skipped':
      return drawSkip(pen, one, fact)
    case 'dlq': {
      const reason = record.outcome?.status === 'dlq' ? record.outcome.reason : 'unknown'
      return drawDead(pen, one, { reason, attempts: record.attempt, error: record.error })
    }
    case 'cancelled':
    case 'superseded':
      return drawCancel(pen, one, fact)
    case 'received':
    case 'flowGated':
    case 'succeeded':
    case 'failed':
      return
    default:
      return fact.to satisfies never
  }
}

function drawAttempt(pen: Pen, { seq }: HistoryEntry, attempt: number): void {
  // Lost with its host, it begins again at once: there is no wait between the two.
  if (pen.attempt > 0 && pen.at === attemptId(pen)) pen.leads = 'retry'
  pen.attempt = attempt
  const { id: dispatch, binding } = pen
  const about = { label: `${binding} attempt ${attempt}`, metadata: { dispatch, binding, attempt } }
  const running = { status: 'running', outcome: `attempt_${attempt}` }
  const id = attemptId(pen)
  pen.canvas.put({ id, kind: 'dispatch', ...about, ...running, seq })
  moveTo(pen, id, 'retry')
}

function drawAsking(pen: Pen, { seq }: HistoryEntry): void {
  const id = `predicate:${pen.id}`
  const metadata = { dispatch: pen.id, binding: pen.binding }
  pen.canvas.offer({ id, kind: 'predicate', label: 'predicate', status: '', metadata, seq })
  pen.canvas.change(id, { status: 'asking', outcome: 'pending', seq })
  if (pen.at !== id) moveTo(pen, id, 'predicate_gate')
}

function drawRetry(pen: Pen, { seq, entry }: HistoryEntry, { record, index }: Transition): void {
  const dueAt = record.timers.retry ?? entry.at
  if (record.flow?.why) return drawDeferral(pen, { seq, at: entry.at, dueAt, index })
  const delayMs = dueAt - entry.at
  const id = `retry:${pen.id}:${record.attempt}`
  const label = `attempt ${record.attempt + 1} in ${delayMs} ms`
  const next = { status: 'scheduled', outcome: `attempt_${record.attempt + 1}` }
  const metadata = { dispatch: pen.id, dueAt, delayMs, spent: record.spent }
  pen.canvas.put({ id, kind: 'retry', label, ...next, metadata, seq })
  moveTo(pen, id, 'retry', 'retry')
}

/** No attempt was spent, and the same one is to come: it may be turned back many times. */
function drawDeferral(
  pen: Pen,
  { seq, at, dueAt, index }: { seq: number; at: number; dueAt: number; index: number },
): void {
  const id = `retry:${pen.id}:${pen.attempt}:${index}`
  const delayMs = dueAt - at
  const metadata = { dispatch: pen.id, dueAt, delayMs, for: 'circuit' }
  const label = `asks again in ${delayMs} ms`
  pen.canvas.put({ id, kind: 'retry', label, status: 'scheduled', metadata, seq })
  moveTo(pen, id, 'flow_gate', 'flow_gate')
}

function drawWait(pen: Pen, { seq }: HistoryEntry, { record, index }: Transition): void {
  const id = `wait:${pen.id}:${index}`
  const label = `waits for ${record.waitFor ?? 'something'}`
  const until = record.timers.wait
  const metadata = { dispatch: pen.id, for: record.waitFor, ...(until !== undefined && { until }) }
  pen.canvas.put({ id, kind: 'wait', label, status: 'waiting', metadata, seq })
  moveTo(pen, id, 'flow_gate', 'flow_gate')
}
