import type { AttemptError, DispatchEvent, Entry, Transition } from '@waybill/core'
import type { History, HistoryEntry } from '../history.ts'
import type { Manifests } from './action-graph.ts'
import type { Canvas, EdgeKind } from './canvas.ts'

/** What the rest of a chain needs to know of a dispatch. */
export interface Drawn {
  readonly id: string
  readonly event: string | undefined
  /** The dispatch whose handler sent the event. */
  readonly parent: string | undefined
  readonly lastAttempt: string | undefined
}

export const triggerId = (event: string): string => `trigger:${event}`

/** Where the dispatch stands: the node that leads on, and what kind of edge that will be. */
interface Pen {
  readonly canvas: Canvas
  readonly id: string
  binding: string
  at: string | undefined
  leads: EdgeKind
  attempt: number
}

export function drawDispatch(
  canvas: Canvas,
  { id, entries }: History,
  manifests: Manifests,
): Drawn {
  const pen: Pen = { canvas, id, binding: '', at: undefined, leads: 'trigger_dispatch', attempt: 0 }
  for (const one of entries) {
    const { fact } = one
    if (fact.kind === 'dispatch.quarantined') {
      drawDead(pen, one, { reason: fact.reason, attempts: pen.attempt })
      continue
    }
    if (fact.origin) drawStart(pen, one, fact.origin.binding, fact.origin.event, manifests)
    leave(pen, one, fact)
    arrive(pen, one, fact)
  }
  const [first] = entries
  const head = first && 'head' in first.entry.input ? first.entry.input.head : undefined
  const lastAttempt = pen.attempt === 0 ? undefined : attemptId(pen)
  return { id, event: head?.id, parent: head?.chain.parent, lastAttempt }
}

function drawStart(
  pen: Pen,
  { entry, seq }: HistoryEntry,
  binding: string,
  event: string,
  manifests: Manifests,
): void {
  const { canvas, id } = pen
  pen.binding = binding
  pen.at = triggerId(event)
  canvas.put({ id: pen.at, kind: 'trigger', ...triggerOf(entry, event), seq })
  const asked = manifests(binding)?.when
  if (!asked) return
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
    case 'retryWait':
    case 'waiting':
      return canvas.change(at, { status: isOver(fact) ? fact.to : 'over', seq })
    case null:
    case 'received':
    case 'flowGated':
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

function drawRetry(pen: Pen, { seq, entry }: HistoryEntry, { record }: Transition): void {
  const dueAt = record.timers.retry ?? entry.at
  const delayMs = dueAt - entry.at
  const id = `retry:${pen.id}:${record.attempt}`
  const label = `attempt ${record.attempt + 1} in ${delayMs} ms`
  const next = { status: 'scheduled', outcome: `attempt_${record.attempt + 1}` }
  const metadata = { dispatch: pen.id, dueAt, delayMs, spent: record.spent }
  pen.canvas.put({ id, kind: 'retry', label, ...next, metadata, seq })
  moveTo(pen, id, 'retry', 'retry')
}

function drawWait(pen: Pen, { seq }: HistoryEntry, { record, index }: Transition): void {
  const id = `wait:${pen.id}:${index}`
  const label = `waits for ${record.waitFor ?? 'something'}`
  const until = record.timers.wait
  const metadata = { dispatch: pen.id, for: record.waitFor, ...(until !== undefined && { until }) }
  pen.canvas.put({ id, kind: 'wait', label, status: 'waiting', metadata, seq })
  moveTo(pen, id, 'flow_gate', 'flow_gate')
}

function drawSkip(pen: Pen, { seq }: HistoryEntry, { record }: Transition): void {
  const { outcome } = record
  const why = outcome?.status === 'skipped' ? outcome : { stage: 'predicate', reason: 'unknown' }
  const id = `skip:${pen.id}`
  const metadata = { dispatch: pen.id, stage: why.stage, reason: why.reason }
  pen.canvas.put({
    id,
    kind: 'skip',
    label: why.reason,
    status: 'skipped',
    outcome: why.stage,
    metadata,
    seq,
  })
  moveTo(pen, id, 'flow_gate')
}

function drawDead(
  pen: Pen,
  { seq }: HistoryEntry,
  { reason, attempts, error }: { reason: string; attempts: number; error?: unknown },
): void {
  const id = `dlq:${pen.id}`
  const label = attempts === 0 ? reason : `${reason} after ${attempts} attempts`
  const metadata = { dispatch: pen.id, reason, attempts, ...(error !== undefined && { error }) }
  pen.canvas.put({ id, kind: 'dlq', label, status: 'pending', outcome: reason, metadata, seq })
  moveTo(pen, id, 'dlq_move', 'dlq_move')
}

/** Points at what it ended: it came from outside, and is the cause of the end. */
function drawCancel(pen: Pen, { seq }: HistoryEntry, { to, record }: Transition): void {
  const id = `cancel:${pen.id}`
  const { outcome } = record
  const by = outcome && 'by' in outcome ? outcome.by : 'unknown'
  const metadata = { dispatch: pen.id, ...outcome }
  pen.canvas.put({ id, kind: 'cancel', label: `${to} by ${by}`, status: to, metadata, seq })
  if (pen.at !== undefined) pen.canvas.edge(id, pen.at, 'caused')
}

/** @param arrives the kind of the edge to the new node, where the old one does not decide it */
function moveTo(pen: Pen, id: string, leads: EdgeKind, arrives: EdgeKind = pen.leads): void {
  if (pen.at !== undefined) pen.canvas.edge(pen.at, id, arrives)
  pen.at = id
  pen.leads = leads
}

const attemptId = ({ id, attempt }: Pen): string => `dispatch:${id}:${attempt}`
