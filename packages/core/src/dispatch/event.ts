import { z } from 'zod'
import { attemptError } from '../fault.ts'
import { place } from '../ledger/limit.ts'
import { numbers } from '../ledger/ticket.ts'
import { member, standing } from './flow.ts'

const at = z.int().nonnegative()
const text = z.string().max(1024)

/** What a dispatch may wait for (rule 3.3). */
export const waitReason = z.enum(['approval', 'budget', 'signal', 'task', 'agent', 'version'])
export type WaitReason = z.infer<typeof waitReason>

/**
 * Everything that can happen to a dispatch. All that is not deterministic (time, jitter, answers)
 * comes in here as data, so the machine needs neither a clock nor chance.
 */
export const dispatchEvent = z.discriminatedUnion('type', [
  /** The event matched by type and by what could be judged at once. */
  z.strictObject({
    type: z.literal('dispatch.started'),
    at,
    /** Deeper than the binding's maxChainDepth: dead-lettered before anything else (rule 1.5). */
    loop: z.boolean(),
    /** The predicate can only be answered by an effect. */
    ask: z.boolean(),
    limits: z.array(place).max(16).optional(),
    /** Of a batch that is run again. */
    members: z.array(member).max(1000).optional(),
    standing: standing.optional(),
  }),
  z.strictObject({
    type: z.literal('predicate.answered'),
    at,
    matched: z.boolean(),
    reason: text.optional(),
    limits: z.array(place).max(16).optional(),
    standing: standing.optional(),
  }),
  /** The limit that it asked lets it in; `standing`: how far it came from there. */
  z.strictObject({
    type: z.literal('gate.granted'),
    at,
    numbers: numbers.optional(),
    standing: standing.optional(),
    members: z.array(member).max(1000).optional(),
  }),
  /** A ledger that is elsewhere makes it wait. */
  z.strictObject({ type: z.literal('gate.waiting'), at, standing }),
  z.strictObject({
    type: z.literal('gate.refused'),
    at,
    gate: text,
    reason: text,
    numbers: numbers.optional(),
    by: z.string().optional(),
  }),
  /** A circuit that is elsewhere turns it back. */
  z.strictObject({ type: z.literal('circuit.answered'), at, standing }),
  z.strictObject({ type: z.literal('attempt.succeeded'), at }),
  z.strictObject({
    type: z.literal('attempt.failed'),
    at,
    error: attemptError,
    /** In [0, 1), from the dispatch's id and the attempt. */
    jitter: z.number().min(0).lt(1),
  }),
  /** The host of the attempt died with it. `alone`: it ran by itself in a child process. */
  z.strictObject({
    type: z.literal('attempt.lost'),
    at,
    alone: z.boolean(),
    jitter: z.number().min(0).lt(1),
  }),
  /** Drained, or moved: not the handler's doing, so no attempt is spent (rule 4.3). */
  z.strictObject({ type: z.literal('attempt.parked'), at }),
  /** No instance here has the code of this version (rule 2.2). */
  z.strictObject({ type: z.literal('version.missing'), at }),
  z.strictObject({ type: z.literal('wait.began'), at, for: waitReason, until: at.optional() }),
  z.strictObject({
    type: z.literal('wait.resolved'),
    at,
    for: waitReason,
    standing: standing.optional(),
  }),
  z.strictObject({
    type: z.literal('timer.due'),
    at,
    timer: z.enum(['attempt', 'retry', 'wait', 'predicate', 'start', 'close']),
    jitter: z.number().min(0).lt(1),
    standing: standing.optional(),
  }),
  z.strictObject({ type: z.literal('cancel.requested'), at, by: text, reason: text }),
  z.strictObject({ type: z.literal('dispatch.superseded'), at, by: text }),
])
export type DispatchEvent = z.infer<typeof dispatchEvent>
export type DispatchEventType = DispatchEvent['type']

export type TimerName = Extract<DispatchEvent, { type: 'timer.due' }>['timer']
