import { deadReason, dispatchId, rule, rulePatch, token, type Plain } from '@waybill/core'
import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { actor, asOf, at, bindingOrKey, idOrPrefix, range, reason } from './shapes.ts'

const count = z.int().nonnegative()
const plain = z.custom<Plain>((value) => value !== undefined)
const label = z.string().max(192)

/** A limit as one partition knows it: what was deployed, and what an operator set in its place. */
const limitRow = z.object({
  limit: label,
  app: token,
  rule,
  /** The rule in force, where it is not the deployed one. */
  override: z.object({ rule: rulePatch, by: z.string(), reason: z.string(), at }).optional(),
})

/** One ledger of a limit, as its owner has it. */
const ledgerRow = z.object({
  ledger: z.string(),
  limit: label,
  app: token,
  slot: count,
  rule,
  tenant: z.string().optional(),
  key: z.string().optional(),
  /** Permits that are out, or events let in within the window. */
  used: count,
  waiting: count,
  /** Of the one that waits longest. */
  oldest: at.optional(),
  /** When somebody may be let in although nothing happens. */
  nextAt: at.optional(),
  holders: z.array(dispatchId),
  waiters: z.array(z.object({ dispatch: dispatchId, since: at })),
})

const filter = z.strictObject({
  ...range,
  binding: bindingOrKey.optional(),
  reason: z.array(deadReason).max(20).optional(),
  /** Of a group: what died of the same thing. */
  fingerprint: z.string().max(64).optional(),
  text: z.string().max(256).optional(),
})

export const operation = z.object({
  id: token,
  kind: z.string(),
  app: token,
  by: z.string(),
  reason: z.string(),
  at,
  /** What it was told to act on. */
  filter: z.record(z.string(), z.unknown()),
  state: z.enum(['running', 'done', 'cancelled', 'failed', 'interrupted']),
  /** What it found when it began, and how far it has come. */
  total: count,
  done: count,
  declined: count,
  endedAt: at.optional(),
  note: z.string().optional(),
})
export type Operation = z.infer<typeof operation>

const command = {
  app: token,
  by: actor,
  reason,
  dryRun: z.boolean().default(false),
}

/** What operators do, and see of limits and of what others did. All of it stands in OPS. */
export const operations = {
  'flow.list': endpoint({
    kind: 'query',
    summary: 'Limits with who holds, who waits and since when, from the owners of their ledgers',
    owner: 'dispatcher',
    answeredBy: 'each',
    request: z.strictObject({
      app: token.optional(),
      /** A limit, or one ledger of it. */
      limit: z.string().max(256).optional(),
      /** Holders and waiters of each ledger, at most. */
      members: z.int().min(0).max(100).default(0),
    }),
    response: z.object({
      instance: z.string(),
      limits: z.array(limitRow),
      ledgers: z.array(ledgerRow),
      asOf,
    }),
  }),
  'flow.set': endpoint({
    kind: 'command',
    summary: 'Sets the numbers of a limit while it is in force; null is what was deployed',
    owner: 'dispatcher',
    answeredBy: 'app',
    request: z.strictObject({ ...command, limit: label, rule: rulePatch }),
    response: z.object({
      dryRun: z.boolean(),
      before: rule,
      after: rule,
      /** Number of the change; every partition takes it in its turn. */
      change: count.optional(),
      asOf,
    }),
  }),
  'dlq.groups': endpoint({
    kind: 'query',
    summary: 'Dead letters by what they died of',
    owner: 'projector',
    answeredBy: 'any',
    request: z.strictObject({
      ...filter.shape,
      app: token.optional(),
      limit: z.int().min(1).max(500).default(50),
    }),
    response: z.object({
      groups: z.array(
        z.object({
          fingerprint: z.string(),
          app: token,
          binding: z.string(),
          class: z.string(),
          reason: deadReason,
          top: z.string(),
          entries: count,
          pending: count,
          firstAt: at,
          lastAt: at,
          /** One of them. */
          example: dispatchId,
        }),
      ),
      asOf,
    }),
  }),
  'dlq.redrive': endpoint({
    kind: 'command',
    summary: 'Runs dead letters again, each as a new dispatch under the same idempotency key',
    owner: 'dispatcher',
    answeredBy: 'app',
    request: z.strictObject({
      ...command,
      ids: z.array(dispatchId).min(1).max(1000).optional(),
      filter: filter.optional(),
      version: z.enum(['active', 'same']).default('active'),
      /** Instead of the data that it died of; for one only. */
      data: plain.optional(),
      ratePerSecond: z.number().positive().max(100_000).optional(),
    }),
    response: z.object({
      dryRun: z.boolean(),
      /** What the filter finds now; nothing that dies later is meant. */
      matched: count,
      ids: z.array(dispatchId).max(100),
      started: z.array(z.object({ of: dispatchId, dispatch: dispatchId })).max(100),
      declined: z
        .array(z.object({ dispatch: dispatchId, code: z.string(), reason: z.string() }))
        .max(100),
      /** Goes on by itself: `op get`. */
      op: token.optional(),
      asOf,
    }),
  }),
  'dlq.discard': endpoint({
    kind: 'command',
    summary: 'Dead letters that nobody will run again',
    owner: 'dispatcher',
    answeredBy: 'app',
    request: z.strictObject({
      ...command,
      ids: z.array(dispatchId).min(1).max(1000).optional(),
      filter: filter.optional(),
    }),
    response: z.object({
      dryRun: z.boolean(),
      matched: count,
      ids: z.array(dispatchId).max(100),
      discarded: count,
      declined: z
        .array(z.object({ dispatch: dispatchId, code: z.string(), reason: z.string() }))
        .max(100),
      op: token.optional(),
      asOf,
    }),
  }),
  'dispatch.rerun': endpoint({
    kind: 'command',
    summary: 'Runs the event of a dispatch again, as a new dispatch with a key of its own',
    owner: 'dispatcher',
    answeredBy: 'app',
    request: z.strictObject({
      ...command,
      id: idOrPrefix,
      version: z.enum(['active', 'same']).default('active'),
    }),
    response: z.object({
      dryRun: z.boolean(),
      of: dispatchId,
      binding: z.string(),
      dispatch: dispatchId.optional(),
      asOf,
    }),
  }),
  'op.list': endpoint({
    kind: 'query',
    summary: 'What operators did, and what is still going on; newest first',
    owner: 'dispatcher',
    answeredBy: 'each',
    request: z.strictObject({
      app: token.optional(),
      id: token.optional(),
      limit: z.int().min(1).max(500).default(50),
    }),
    response: z.object({ instance: z.string(), operations: z.array(operation), asOf }),
  }),
  'op.cancel': endpoint({
    kind: 'command',
    summary: 'Stops work in bulk; what it has done stays done',
    owner: 'dispatcher',
    answeredBy: 'each',
    request: z.strictObject({ id: token, by: actor, reason }),
    response: z.object({ instance: z.string(), cancelled: z.boolean(), asOf }),
  }),
}
