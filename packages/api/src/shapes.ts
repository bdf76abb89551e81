import {
  attemptError,
  causeClass,
  chain,
  deadReason,
  dispatchId,
  dispatchRecord,
  dispatchState,
  effect,
  eventId,
  input,
  manifest,
  outcome,
  token,
  transition,
  waitReason,
} from '@waybill/core'
import { z } from 'zod'

/** Everything that several endpoints say. Times are integer ms since 1970, UTC. */

export const at = z.int().nonnegative()
const count = z.int().nonnegative()
const text = z.string().max(4096)

/** How far the one who answers had read: stream -> last sequence it took in. */
export const asOf = z.record(z.string(), count)
export type AsOf = z.infer<typeof asOf>

/** An id, or its beginning when that is enough to tell which. */
export const idOrPrefix = z.string().regex(/^[A-Za-z0-9_-]{3,128}$/, {
  error: 'an id or at least its first three characters',
})

const bindingKey = z.string().regex(/^[A-Za-z0-9_-]{1,64}@v[1-9]\d*$/)
/** `<id>` means every version. */
export const bindingOrKey = z.union([token, bindingKey])

export const page = {
  limit: z.int().min(1).max(500).default(50),
  /** What the answer before gave as `next`. */
  cursor: z.string().max(1024).optional(),
}
export const range = { since: at.optional(), until: at.optional() }

/** Who asks for a command, and why: both stand in the log. */
export const actor = z.string().min(1).max(256)
export const reason = z.string().min(1).max(1024)

const partitionRef = z.object({ app: token, generation: z.int().positive(), slot: count })

const numbers = z.record(z.string(), z.number())

/** The limit in whose line a dispatch waits, or the circuit that turned it back. */
const held = z.object({
  /** The ledger: `flow.list` tells who else is there. */
  gate: z.string(),
  limit: z.string(),
  /** As they were when it began to wait. */
  numbers,
  since: at,
  /** When it asks again; none: it is told when its turn has come. */
  until: at.optional(),
  /** The same for people. */
  why: z.string(),
})

/** What one limit said to a dispatch in one step. */
const gateWord = z.object({
  ledger: z.string(),
  index: count,
  admission: count,
  /** `asked`: by letter, the answer is on its way. */
  result: z.enum(['asked', 'granted', 'waiting', 'refused', 'deferred']),
  numbers,
  reason: z.string().optional(),
  /** The dispatch in whose favour. */
  by: z.string().optional(),
  until: at.optional(),
})

/** A dispatch as lists show it. */
export const dispatchRow = z.object({
  id: dispatchId,
  app: token,
  binding: bindingKey,
  event: eventId,
  type: z.string(),
  source: z.string(),
  subject: z.string().optional(),
  tenant: z.string(),
  key: z.string().optional(),
  state: dispatchState,
  waitFor: waitReason.optional(),
  outcome: outcome.optional(),
  error: attemptError.optional(),
  /** Number of the latest attempt, 0 before the first; `spent` counts against maxAttempts. */
  attempt: count,
  spent: count,
  startedAt: at,
  /** Of its latest transition. */
  at,
  /** Its earliest timer. */
  dueAt: at.optional(),
  transitions: count,
  root: eventId,
  depth: count,
  rerunOf: dispatchId.optional(),
  held: held.optional(),
})
export type DispatchRow = z.infer<typeof dispatchRow>

export const dispatchDetail = z.object({
  row: dispatchRow,
  partition: partitionRef,
  record: dispatchRecord,
  chain,
})

/** One transition with where it stands in the journal, what came in and what it asked for. */
export const historyStep = z.object({
  stream: z.string(),
  seq: z.int().positive(),
  /** Place of its entry in the bundle. */
  index: count,
  bundle: z.int().positive(),
  epoch: z.int().positive(),
  at,
  input,
  transition,
  effects: z.array(effect),
  /** What its limits said. */
  gates: z.array(gateWord).default([]),
  /** sha-256 of the entry: what the dispatch's next transition must name as `prev`. */
  hash: z.string().length(64),
})

export const verification = z.object({
  /** `partial`: the beginning is no longer kept. */
  result: z.enum(['intact', 'partial', 'broken']),
  why: z.string().optional(),
})

const nodeKind = z.enum([
  'trigger',
  'predicate',
  'approval',
  'gate',
  'circuit',
  'dispatch',
  'a2a_hop',
  'worker_enqueue',
  'agent',
  'workflow',
  'step',
  'wait',
  'retry',
  'dlq',
  'skip',
  'cancel',
])
const edgeKind = z.enum([
  'trigger_dispatch',
  'predicate_gate',
  'approval_gate',
  'flow_gate',
  'a2a_dispatch',
  'retry',
  'dlq_move',
  'replay_chain',
  'redrive',
  'batch_member',
  'caused',
])
export const graphNode = z.object({
  id: z.string(),
  kind: nodeKind,
  label: z.string(),
  status: z.string(),
  outcome: z.string().optional(),
  metadata: z.record(z.string(), z.unknown()),
  seq: count,
})
export const graphEdge = z.object({ from: z.string(), to: z.string(), kind: edgeKind })

/** What became of an event at one binding (rule 1.6). */
export const eventVerdict = z.object({
  app: token,
  binding: bindingKey,
  verdict: z.enum([
    'matched',
    'type_mismatch',
    'filtered',
    'predicate_error',
    /** An asynchronous predicate is still being asked. */
    'asked',
    'paused',
    'duplicate',
    'refused',
    /** The app was deployed after the event came. */
    'before_deploy',
    /** Its partition has not read the event yet. */
    'not_read',
  ]),
  /** Which clause, with which numbers. */
  reason: z.string().optional(),
  dispatch: dispatchId.optional(),
})

export const deadLetter = z.object({
  id: dispatchId,
  app: token,
  binding: bindingKey,
  event: eventId,
  type: z.string(),
  tenant: z.string(),
  reason: deadReason,
  class: causeClass.optional(),
  error: attemptError.optional(),
  /** Equal for what died of the same thing under the same version. */
  fingerprint: z.string().optional(),
  attempts: count,
  deadAt: at,
  expiresAt: at,
  status: z.enum(['pending', 'redriven', 'resolved', 'discarded', 'expired']),
  redrives: count,
})
export type DeadLetter = z.infer<typeof deadLetter>

export const bindingRow = z.object({
  app: token,
  key: bindingKey,
  state: z.enum(['active', 'draining', 'retired']),
  deployedAt: at,
  /** Dispatches of this version that have not ended. */
  open: count,
  manifest,
})

/** How far one projection has come on one stream or partition. */
export const projectionRow = z.object({
  projection: z.string(),
  partition: partitionRef.optional(),
  stream: z.string(),
  applied: count,
  head: count,
  /** When it last took something in. */
  at: at.optional(),
})

export const partitionRow = z.object({
  partition: partitionRef,
  /** `halted` explains itself in `halted`; `opening` folds its journal. */
  state: z.enum(['opening', 'leading', 'handing_over', 'halted']),
  owner: token,
  epoch: count,
  /** Stepped in memory against stored in the journal: apart for long = stuck. */
  steppedNumber: count,
  committedNumber: count,
  committedSeq: count,
  positions: z.record(z.string(), z.object({ seq: count, index: count })),
  /** Dispatches that have not ended; `running` of them are in an attempt here. */
  open: count,
  running: count,
  /** Age of the oldest input that waits for room. */
  lagMs: count.default(0),
  /** Pauses in force, and what was held that is not given yet. */
  pauses: z
    .array(
      z.object({
        /** Absent: the whole app. */
        binding: token.optional(),
        /** Absent: it was resumed, and is being given what was held. */
        pause: z.object({ since: at, by: z.string(), reason: z.string() }).optional(),
        held: z.object({ events: count, bytes: count, ageMs: count }).optional(),
      }),
    )
    .default([]),
  nextDue: at.optional(),
  halted: z.object({ code: z.string(), why: text, next: text.optional() }).optional(),
})
export type PartitionRow = z.infer<typeof partitionRow>

export const healthCheck = z.object({
  name: z.string(),
  ok: z.boolean(),
  why: text.optional(),
  /** When it was last looked at. */
  at: at.optional(),
})
