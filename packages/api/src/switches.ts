import { circuitDeed, rule, token } from '@waybill/core'
import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { actor, asOf, at, reason } from './shapes.ts'

const count = z.int().nonnegative()

const command = { app: token, by: actor, reason, dryRun: z.boolean().default(false) }

/** Absent: the whole app, with what is deployed while the pause lasts. */
const order = z.strictObject({ ...command, binding: token.optional() })
const ordered = z.object({
  dryRun: z.boolean(),
  /** Absent: the whole app. */
  binding: token.optional(),
  /** Number of the change; every partition takes it in its turn. */
  change: count.optional(),
  asOf,
})

/** A circuit that is not as it should be; a healthy one has no ledger. */
const circuitRow = z.object({
  ledger: z.string(),
  limit: z.string(),
  app: token,
  slot: count,
  tenant: z.string(),
  /** What is called. */
  key: z.string(),
  rule,
  /** `half_open`: the time has come, and one is let through to find out. */
  state: z.enum(['closed', 'open', 'half_open']),
  /** In a row. */
  failures: count,
  /** Outcomes that it counts now. */
  window: z.object({ succeeded: count, failed: count }),
  /** When it was opened or closed; 0: it never was. */
  since: at,
  /** While it is open: from when on somebody may try; absent: until it is closed by hand. */
  until: at.optional(),
  /** The dispatch that tries. */
  probe: z.string().optional(),
  manual: z.object({ by: z.string(), reason: z.string(), at }).optional(),
})

/** What is switched by hand: bindings, and circuits of destinations. All of it stands in OPS. */
export const switches = {
  'binding.pause': endpoint({
    kind: 'command',
    summary: 'Starts nothing more until it is resumed; what comes is held in order',
    owner: 'dispatcher',
    answeredBy: 'app',
    request: order,
    response: ordered,
  }),
  'binding.resume': endpoint({
    kind: 'command',
    summary: 'Goes on, with what was held first',
    owner: 'dispatcher',
    answeredBy: 'app',
    request: order,
    response: ordered,
  }),
  'circuit.list': endpoint({
    kind: 'query',
    summary: 'Circuits that are open, or have reason to be, from the owners of their ledgers',
    owner: 'dispatcher',
    answeredBy: 'each',
    request: z.strictObject({
      app: token.optional(),
      /** A limit, or one circuit of it. */
      limit: z.string().max(256).optional(),
    }),
    response: z.object({
      instance: z.string(),
      /** What is deployed: circuits of it that are not listed are closed. */
      limits: z.array(z.object({ limit: z.string(), app: token, rule })),
      circuits: z.array(circuitRow),
      asOf,
    }),
  }),
  'circuit.set': endpoint({
    kind: 'command',
    summary: 'Opens a circuit, closes it, or lets one dispatch try now',
    owner: 'dispatcher',
    answeredBy: 'app',
    request: z.strictObject({
      ...command,
      limit: z.string().max(192),
      key: z.string().max(256),
      tenant: z.string().max(64).default('default'),
      do: circuitDeed,
      /** Of `open`: for how long; without it until it is closed by hand. */
      forMs: z
        .int()
        .positive()
        .max(30 * 24 * 3_600_000)
        .optional(),
    }),
    response: z.object({
      dryRun: z.boolean(),
      ledger: z.string(),
      slot: count,
      state: z.enum(['closed', 'open']).optional(),
      until: at.optional(),
      asOf,
    }),
  }),
  'stats.states': endpoint({
    kind: 'query',
    summary: 'How many dispatches are in each state now, and how many dead letters are pending',
    owner: 'projector',
    answeredBy: 'any',
    request: z.strictObject({ app: token.optional() }),
    response: z.object({ states: z.record(z.string(), count), dead: count, asOf }),
  }),
}
