import { z } from 'zod'
import type { Plain } from '../codec.ts'
import { effect } from '../dispatch/effect.ts'
import { dispatchEvent } from '../dispatch/event.ts'
import {
  deadReason,
  dispatchOrigin,
  dispatchRecord,
  dispatchState,
  inputRef,
} from '../dispatch/record.ts'
import { eventHead } from '../event.ts'
import { attemptError } from '../fault.ts'
import { dispatchId, eventId, hex64, token } from '../id.ts'
import { ledgerFacts } from '../ledger/fact.ts'
import { place } from '../ledger/limit.ts'
import { defChange } from './definition.ts'
import { letter, letterBody, receiver } from './letter.ts'

/** The version of everything that decides: step, machine, gates. Recorded in every bundle. */
export const RULES = 1

const at = z.int().nonnegative()
const text = z.string().max(1024)
const plain = z.custom<Plain>((value) => value !== undefined)

/** What the host found out about one candidate binding before the step; never judged again. */
export const verdict = z.strictObject({
  binding: z.string(),
  /**
   * `ask`: only an effect can tell. `unjudged`: a guard before the predicate already decided.
   * `paused`: nobody is asked; it is judged when the binding is given it.
   */
  result: z.enum(['matched', 'filtered', 'error', 'ask', 'unjudged', 'paused']),
  reason: text.optional(),
  key: text.optional(),
  /** Where the ledgers of the binding's limits are for this event, one for each limit. */
  limits: z.array(place).max(16).optional(),
})
export type Verdict = z.infer<typeof verdict>

// --- inputs ----------------------------------------------------------------------------------

/** What an effect brought. Comes back under the effect's id, once. */
export const effectResult = z.discriminatedUnion('status', [
  z.strictObject({
    status: z.literal('succeeded'),
    output: plain.optional(),
    /** Ids of the events that the handler sent. */
    sent: z.array(eventId).max(1000),
    ms: z.int().nonnegative(),
  }),
  z.strictObject({
    status: z.literal('failed'),
    error: attemptError,
    sent: z.array(eventId).max(1000),
    ms: z.int().nonnegative(),
  }),
  z.strictObject({
    status: z.literal('judged'),
    matched: z.boolean(),
    reason: text.optional(),
    costUsd: z.int().nonnegative().optional(),
    tokens: z.int().nonnegative().optional(),
    cached: z.boolean().optional(),
    ms: z.int().nonnegative(),
    /** Where only code can tell the keys, and it was not at hand when the event was read. */
    limits: z.array(place).max(16).optional(),
  }),
  /** The child process that ran it alone died. */
  z.strictObject({ status: z.literal('killed'), reason: text }),
  z.strictObject({ status: z.literal('parked') }),
  z.strictObject({ status: z.literal('unhosted') }),
  /** A snapshot of the state after bundle `number` (at journal sequence `position`) is stored. */
  z.strictObject({
    status: z.literal('checkpointed'),
    position: z.int().positive(),
    number: z.int().positive(),
    hash: hex64,
    snapshot: z.string().max(256),
  }),
  /** Letters up to this one are stored in the receiver's mailbox. */
  z.strictObject({ status: z.literal('posted'), to: receiver, upTo: z.int().positive() }),
])
export type EffectResult = z.infer<typeof effectResult>

const streamName = z.string().max(128)

export const input = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('event'),
    ref: inputRef,
    head: eventHead,
    verdicts: z.array(verdict).max(1000),
    /** Of the whole event; told only where a pause holds it back. */
    bytes: z.int().nonnegative().optional(),
  }),
  /** An event that was read before, for the bindings to which a pause did not give it then. */
  z.strictObject({
    kind: z.literal('held'),
    /** Where it lies: behind the partition's position, so not where it reads on. */
    place: inputRef,
    head: eventHead,
    verdicts: z.array(verdict).min(1).max(1000),
    bytes: z.int().nonnegative(),
  }),
  z.strictObject({ kind: z.literal('letter'), ref: inputRef, letter }),
  z.strictObject({ kind: z.literal('def'), ref: inputRef, change: defChange }),
  z.strictObject({ kind: z.literal('result'), effect: z.string().max(128), result: effectResult }),
  z.strictObject({ kind: z.literal('tick') }),
  z.strictObject({
    kind: z.literal('epoch'),
    epoch: z.int().positive(),
    instance: token,
    incarnation: token,
    rules: z.int().positive(),
    /** Definition hashes whose code this host has. */
    hosts: z.array(z.string()).max(10_000),
    /** When each stream was created, ISO 8601: another date is another stream. */
    streams: z.record(streamName, z.string()),
  }),
  z.strictObject({
    kind: z.literal('quarantined'),
    ref: inputRef.optional(),
    reason: text,
    /** sha-256 of the whole of what could not be taken. */
    hash: hex64,
    /** The first 64 KiB of it. */
    bytes: z.instanceof(Uint8Array),
    /** The dispatch that it was about, when it was not an input of its own. */
    dispatch: dispatchId.optional(),
    /** The event that it was, and the bindings that it was held back from. */
    held: z
      .strictObject({
        place: inputRef,
        bindings: z.array(token).max(1000),
        bytes: z.int().nonnegative(),
      })
      .optional(),
    /** Letters that are stored all the same. */
    posted: z.strictObject({ to: receiver, upTo: z.int().positive() }).optional(),
    /** Another partition's letter, which must not hold up those after it. */
    letter: letter.optional(),
  }),
])
export type Input = z.infer<typeof input>
export type InputOf<K extends Input['kind']> = Extract<Input, { kind: K }>

// --- facts -----------------------------------------------------------------------------------

/** One step of a dispatch's machine, with the whole record that resulted. */
export const transition = z.strictObject({
  kind: z.literal('transition'),
  dispatch: dispatchId,
  index: z.int().nonnegative(),
  event: dispatchEvent,
  from: dispatchState.nullable(),
  to: dispatchState,
  /** The transitions of the statechart that were taken, in order: `source:event:branch`. */
  via: z.array(z.string()),
  /** Only in the first one. */
  origin: dispatchOrigin.optional(),
  record: dispatchRecord,
  /** sha-256 of the entry with the dispatch's previous transition; absent in the first one. */
  prev: hex64.optional(),
})
export type Transition = z.infer<typeof transition>

export const fact = z.discriminatedUnion('kind', [
  transition,
  /** The event of this input is new; its id is remembered. */
  z.strictObject({ kind: z.literal('event.seen') }),
  z.strictObject({ kind: z.literal('event.duplicate'), divergent: z.boolean() }),
  z.strictObject({ kind: z.literal('def.applied'), number: z.int().positive() }),
  /** It is not the next one, or not whole: what is read next may have its number. */
  z.strictObject({ kind: z.literal('def.ignored'), number: z.int().positive(), reason: text }),
  /** It is the next one, and changes nothing. */
  z.strictObject({ kind: z.literal('def.refused'), number: z.int().positive(), reason: text }),
  /** These bindings are owed the event at this place no more. */
  z.strictObject({
    kind: z.literal('event.released'),
    seq: z.int().positive(),
    index: z.int().nonnegative(),
    bindings: z.array(token).max(1000),
    bytes: z.int().nonnegative(),
  }),
  /**
   * The letter of this input is new. A client's is remembered by its id for 24 h, a partition's by
   * its number for ever.
   */
  z.strictObject({ kind: z.literal('letter.taken'), id: token }),
  z.strictObject({ kind: z.literal('letter.duplicate'), id: token }),
  /** Another partition's letter was quarantined: the next one of its sender is the next one here. */
  z.strictObject({
    kind: z.literal('letter.skipped'),
    from: z.string(),
    stream: streamName,
    number: z.int().positive(),
  }),
  z.strictObject({
    kind: z.literal('letter.queued'),
    to: receiver,
    number: z.int().positive(),
    letter,
  }),
  z.strictObject({ kind: z.literal('letter.sent'), to: receiver, number: z.int().positive() }),
  ...ledgerFacts,
  /** `barren`: epochs in a row that ended before a single input was taken. */
  z.strictObject({ kind: z.literal('epoch.began'), barren: z.int().nonnegative() }),
  z.strictObject({
    kind: z.literal('checkpoint'),
    position: z.int().positive(),
    number: z.int().positive(),
    hash: hex64,
    snapshot: z.string(),
  }),
  /** A result that nobody waits for any more: kept as an audit note only (rule 12.5). */
  z.strictObject({ kind: z.literal('result.late'), effect: z.string(), status: z.string() }),
  z.strictObject({ kind: z.literal('quarantined'), reason: text }),
  /** A dispatch on which a step throws is dead-lettered without asking the machine. */
  z.strictObject({
    kind: z.literal('dispatch.quarantined'),
    dispatch: dispatchId,
    at,
    reason: deadReason,
  }),
  /** A dead letter is run again; nobody runs it again after that. */
  z.strictObject({
    kind: z.literal('dead.redriven'),
    dispatch: dispatchId,
    as: dispatchId,
    by: text,
    reason: text,
  }),
  z.strictObject({
    kind: z.literal('dead.discarded'),
    dispatch: dispatchId,
    by: text,
    reason: text,
  }),
  /** Work on many dispatches at once: a cursor in state, continued by ticks. */
  z.strictObject({
    kind: z.literal('bulk.began'),
    letter: token,
    body: letterBody,
    replyTo: z.string().optional(),
    /** Dispatches with a higher ordinal came later and are not meant. */
    upTo: z.int().nonnegative(),
  }),
  z.strictObject({
    kind: z.literal('bulk.advanced'),
    letter: token,
    cursor: z.int().nonnegative(),
    done: z.int().nonnegative(),
    ended: z.boolean(),
  }),
])
export type Fact = z.infer<typeof fact>
export type FactOf<K extends Fact['kind']> = Extract<Fact, { kind: K }>

/** One recorded change of a partition's state: the whole change, and the effects it asks for. */
export const entry = z.strictObject({
  /** Integer ms, never less than the entry before. */
  at,
  input,
  facts: z.array(fact),
  effects: z.array(effect),
})
export type Entry = z.infer<typeof entry>

export const limits = {
  factsPerStepMax: 1000,
  entryBytesMax: 256 * 1024,
  timersPerTickMax: 256,
  bulkPerTickMax: 128,
  quarantineBytesMax: 64 * 1024,
  lettersRememberedMs: 24 * 3_600_000,
  endedRememberedMs: 24 * 3_600_000,
  dedupeWindowMs: 24 * 3_600_000,
  deadRememberedMs: 30 * 24 * 3_600_000,
  redrivesMax: 3,
  barrenEpochsMax: 3,
} as const
