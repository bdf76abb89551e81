import { labelIn, type Transition } from '@waybill/core'
import type { HistoryEntry } from '../history.ts'
import { drawLeader } from './draw-gates.ts'
import { deadId, moveTo, type Pen, skipId } from './pen.ts'

export function drawSkip(pen: Pen, { seq }: HistoryEntry, { record }: Transition): void {
  const { outcome } = record
  const why = outcome?.status === 'skipped' ? outcome : { stage: 'predicate', reason: 'unknown' }
  const id = skipId(pen.id)
  const refused = pen.words.find(({ result }) => result === 'refused')
  const { ledger, numbers, by } = refused ?? {}
  const metadata = {
    dispatch: pen.id,
    stage: why.stage,
    reason: why.reason,
    ...(ledger !== undefined && { limit: labelIn(ledger), ledger, numbers }),
    ...(by !== undefined && { by }),
  }
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
  drawLeader(pen)
}

export function drawDead(
  pen: Pen,
  { seq }: HistoryEntry,
  { reason, attempts, error }: { reason: string; attempts: number; error?: unknown },
): void {
  const id = deadId(pen.id)
  const label = attempts === 0 ? reason : `${reason} after ${attempts} attempts`
  const metadata = { dispatch: pen.id, reason, attempts, ...(error !== undefined && { error }) }
  pen.canvas.put({ id, kind: 'dlq', label, status: 'pending', outcome: reason, metadata, seq })
  moveTo(pen, id, 'dlq_move', 'dlq_move')
}

/** Points at what it ended: it came from outside, and is the cause of the end. */
export function drawCancel(pen: Pen, { seq }: HistoryEntry, { to, record }: Transition): void {
  const id = `cancel:${pen.id}`
  const { outcome } = record
  const by = outcome && 'by' in outcome ? outcome.by : 'unknown'
  const metadata = { dispatch: pen.id, ...outcome }
  pen.canvas.put({ id, kind: 'cancel', label: `${to} by ${by}`, status: to, metadata, seq })
  if (pen.at !== undefined) pen.canvas.edge(id, pen.at, 'caused')
}
