import {
  dispatchId,
  dispatchState,
  eventId,
  liveBundle,
  openState,
  type Plain,
  token,
} from '@waybill/core'
import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { actor, asOf, at, bindingOrKey, idOrPrefix, page, range, reason } from './shapes.ts'

const count = z.int().nonnegative()
const counts = z.record(z.string(), count)
const query = { kind: 'query', owner: 'projector', answeredBy: 'any' } as const
const plain = z.custom<Plain>((value) => value !== undefined)

/** Which dispatches are meant; times are of their start. */
export const dispatchFilter = {
  ...range,
  app: token.optional(),
  state: z.array(dispatchState).max(20).optional(),
  binding: bindingOrKey.optional(),
  /** Event type, or a pattern of it. */
  type: z.string().max(256).optional(),
  event: idOrPrefix.optional(),
  tenant: z.string().max(64).optional(),
  /** Somewhere in id, subject, key or error. */
  text: z.string().max(256).optional(),
  /** A limit, or one ledger of it, that holds them now. */
  held: z.string().max(256).optional(),
}

const bucket = z.object({
  /** When it begins. */
  at,
  started: count,
  succeeded: count,
  failed: count,
  dlq: count,
  skipped: count,
  cancelled: count,
  superseded: count,
  /** Attempts that are made again later. */
  retried: count,
  /** From start to end, of what succeeded, failed or died then; within a fifth. */
  p50Ms: count.optional(),
  p95Ms: count.optional(),
})

/** An event as one app met it. */
const eventRow = z.object({
  id: eventId,
  app: token,
  type: z.string(),
  source: z.string(),
  subject: z.string().optional(),
  tenant: z.string(),
  time: at,
  receivedAt: at,
  /** Where it lies. */
  stream: z.string(),
  seq: count,
  /** How many bindings of its type said what when it came; `event.explain` tells which. */
  verdicts: counts,
  /** What became of the dispatches that it started. */
  states: counts,
  /** How often it came again. */
  duplicates: count,
})

const difference = z.object({
  path: z.string(),
  /** Absent: it is not there. */
  recorded: z.unknown().optional(),
  replayed: z.unknown().optional(),
})

/** What only pages ask: summaries, pictures, and what they missed while nobody looked. */
export const views = {
  'live.read': endpoint({
    ...query,
    summary: 'What watchers were told, again, from the journal',
    request: z.strictObject({
      stream: z.string().max(128),
      /** The last sequence that is known. */
      after: count,
      /** Sequences to look at. */
      limit: z.int().min(1).max(1000).default(500),
    }),
    response: z.object({
      bundles: z.array(liveBundle),
      /** The last sequence that was looked at: what has no bundle up to here is gone. */
      upTo: count,
      asOf,
    }),
  }),
  'stats.rates': endpoint({
    ...query,
    summary: 'What happened over time: starts, ends, retries, and how long it took',
    request: z.strictObject({
      app: token.optional(),
      binding: bindingOrKey.optional(),
      since: at,
      /** Absent: until now. */
      until: at.optional(),
      /** Whole minutes; at most 2,000 of them lie between `since` and `until`. */
      bucketMs: z.int().min(60_000).multipleOf(60_000).default(60_000),
    }),
    response: z.object({
      bucketMs: count,
      /** Oldest first; those in which nothing happened are left out. */
      buckets: z.array(bucket),
      asOf,
    }),
  }),
  'event.list': endpoint({
    ...query,
    summary: 'Events with what bindings said of them, newest first',
    request: z.strictObject({
      ...page,
      ...range,
      app: token.optional(),
      /** Event type, or a pattern of it. */
      type: z.string().max(256).optional(),
      source: z.string().max(1024).optional(),
      tenant: z.string().max(64).optional(),
      /** Somewhere in id, type, source or subject. */
      text: z.string().max(256).optional(),
    }),
    response: z.object({ events: z.array(eventRow), next: z.string().optional(), asOf }),
  }),
  'event.types': endpoint({
    kind: 'query',
    owner: 'dispatcher',
    answeredBy: 'app',
    summary: 'The event types that an app knows, each with the JSON Schema of its data',
    request: z.strictObject({ app: token }),
    response: z.object({
      types: z.array(z.object({ type: z.string(), jsonSchema: plain })),
      asOf,
    }),
  }),
  'dispatch.count': endpoint({
    ...query,
    summary: 'How many dispatches a filter finds, by state',
    request: z.strictObject(dispatchFilter),
    response: z.object({
      count,
      states: counts,
      /** There are more: counting ended at `count`. */
      more: z.boolean(),
      asOf,
    }),
  }),
  'dispatch.replay': endpoint({
    ...query,
    summary: 'Asks the machine of this build again for every transition, and compares',
    request: z.strictObject({ id: idOrPrefix }),
    response: z.object({
      dispatch: dispatchId,
      /** `not_kept`: its beginning is gone, so there is nothing to begin from. */
      verdict: z.enum(['same', 'differs', 'not_kept']),
      /** Up to the first difference. */
      steps: z.array(
        z.object({ index: count, same: z.boolean(), differences: z.array(difference) }),
      ),
      asOf,
    }),
  }),
  'dispatch.cancelMany': endpoint({
    kind: 'command',
    summary: 'Cancels the open ones of a list, or of those that a filter finds',
    owner: 'dispatcher',
    answeredBy: 'app',
    request: z.strictObject({
      app: token,
      by: actor,
      reason,
      dryRun: z.boolean().default(false),
      ids: z.array(dispatchId).min(1).max(1000).optional(),
      /** What begins after `until`, or after the command came, is not meant. */
      filter: z
        .strictObject({ ...dispatchFilter, state: z.array(openState).optional() })
        .omit({ app: true })
        .optional(),
    }),
    response: z.object({
      dryRun: z.boolean(),
      matched: count,
      /** The first of them. */
      ids: z.array(dispatchId).max(100),
      /** By the time of this answer. */
      cancelled: count,
      /** Goes on by itself: `op.list`. */
      op: token.optional(),
      asOf,
    }),
  }),
  'stream.list': endpoint({
    ...query,
    summary: 'The streams, with what they hold',
    request: z.strictObject({}),
    response: z.object({
      streams: z.array(
        z.object({
          name: z.string(),
          holds: z.enum(['events', 'mail', 'journal', 'defs', 'ops', 'outcomes']),
          createdAt: z.string(),
          firstSeq: count,
          lastSeq: count,
          /** When the first and the last message that are there were stored. */
          firstAt: at.optional(),
          lastAt: at.optional(),
          messages: count,
          bytes: count,
        }),
      ),
      asOf,
    }),
  }),
}
