import { z } from 'zod'
import { attemptError } from '../fault.ts'
import type { Place } from '../ledger/limit.ts'
import { dispatchId, eventId } from '../id.ts'
import { waitReason } from './event.ts'
import { flow, type Member } from './flow.ts'

export const openState = z.enum([
  'received',
  'predicate',
  'flowGated',
  'attempting',
  'retryWait',
  'waiting',
])
export const finalState = z.enum([
  'succeeded',
  'skipped',
  'failed',
  'cancelled',
  'superseded',
  'dlq',
])
export const dispatchState = z.enum([...openState.options, ...finalState.options])
export type FinalState = z.infer<typeof finalState>
export type DispatchState = z.infer<typeof dispatchState>

export const deadReason = z.enum([
  'retry_exhausted',
  'permanent',
  'circuit_open',
  'budget_exhausted',
  'loop',
  'poison',
  'expired',
  'denied',
  'lost',
])
export type DeadReason = z.infer<typeof deadReason>

const text = z.string().max(1024)

/** How a dispatch ended (rule 3.2). Exactly one per dispatch, nothing after it. */
export const outcome = z.discriminatedUnion('status', [
  z.strictObject({ status: z.literal('succeeded') }),
  z.strictObject({
    status: z.literal('skipped'),
    stage: z.enum(['predicate', 'gate', 'paused']),
    reason: text,
  }),
  z.strictObject({ status: z.literal('failed') }),
  z.strictObject({ status: z.literal('cancelled'), by: text, reason: text }),
  z.strictObject({ status: z.literal('superseded'), by: text }),
  z.strictObject({ status: z.literal('dlq'), reason: deadReason }),
])
export type Outcome = z.infer<typeof outcome>

const at = z.int().nonnegative()

const timers = z.strictObject({
  attempt: at.optional(),
  retry: at.optional(),
  wait: at.optional(),
  predicate: at.optional(),
  start: at.optional(),
  close: at.optional(),
})

/**
 * What changes while a dispatch lives: the whole of it stands in every transition, so a fold never
 * needs the machine. Times are integer ms.
 */
export const dispatchRecord = z.strictObject({
  state: dispatchState,
  /** Transitions so far; the index of the next one. */
  index: z.int().nonnegative(),
  at,
  /** Number of the latest attempt, 0 before the first. */
  attempt: z.int().nonnegative(),
  /** Attempts that count against `maxAttempts` (rule 4.3). */
  spent: z.int().nonnegative(),
  /** Its host died while it ran: from then on it runs alone in a child process (rule 12.3). */
  alone: z.boolean(),
  /** Times that it took that child process down. */
  kills: z.int().nonnegative(),
  /** The epoch under which the running attempt began: an older one is lost. */
  epoch: z.int().nonnegative(),
  /** The effect whose result is awaited. */
  effect: z.string().optional(),
  waitFor: waitReason.optional(),
  flow: flow.optional(),
  timers,
  error: attemptError.optional(),
  outcome: outcome.optional(),
})
export type DispatchRecord = z.infer<typeof dispatchRecord>

/** Where an input lies: the stream, the message, the place inside the message. */
export const inputRef = z.strictObject({
  stream: z.string(),
  seq: z.int().positive(),
  index: z.int().nonnegative(),
  /** sha-256 of the message, hex. */
  hash: z.string().length(64),
})
export type InputRef = z.infer<typeof inputRef>

/** What never changes in the life of a dispatch; stands in its first transition only. */
export const dispatchOrigin = z.strictObject({
  /** `<id>@v<n>`: the version it keeps to its end. */
  binding: z.string(),
  event: eventId,
  ref: inputRef,
  tenant: z.string(),
  /** Rises by one with every dispatch of the partition: the order in which they started. */
  ordinal: z.int().positive(),
  /** Version of the dispatch machine it lives and is replayed under. */
  machine: z.int().positive(),
  key: z.string().optional(),
  /** The dispatch that it runs again. */
  rerunOf: dispatchId.optional(),
  /** The first of its line, whose idempotency key a redrive keeps (rule 11). */
  root: dispatchId.optional(),
  /** How many redrives lie between the first of its line and it. */
  redrives: z.int().positive().optional(),
})
export type DispatchOrigin = z.infer<typeof dispatchOrigin>

/** A dispatch as its partition holds it. */
export interface Dispatch {
  readonly id: string
  readonly origin: DispatchOrigin
  readonly record: DispatchRecord
  /** sha-256 of the entry that holds its latest transition: the head of its hash chain. */
  readonly head: string
  /** Where the ledgers of its limits are, as its event was read. */
  readonly limits?: readonly Place[] | undefined
  /** Those it stands for, itself first, when it leads a batch. */
  readonly batch?: readonly Member[] | undefined
}

const finals: ReadonlySet<string> = new Set(finalState.options)

export const isFinal = (state: DispatchState): state is FinalState => finals.has(state)
