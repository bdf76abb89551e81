import { z } from 'zod'
import { manifest } from '../binding.ts'
import { token } from '../id.ts'
import { rulePatch } from '../ledger/rule.ts'

const at = z.int().nonnegative()
const text = z.string().max(1024)

export const DEFINITION_VERSION = 1

const order = {
  v: z.literal(DEFINITION_VERSION),
  app: token,
  number: z.int().positive(),
  at,
  by: text,
  reason: text,
  /** Absent: the whole app, with what is deployed later. */
  binding: token.optional(),
}

export const defChange = z.discriminatedUnion('kind', [
  z.strictObject({
    v: z.literal(DEFINITION_VERSION),
    kind: z.literal('deploy'),
    app: token,
    /** 1, 2, 3 ... per app. */
    number: z.int().positive(),
    at,
    by: text,
    /** The manifests this change brings; those of earlier changes stay known. */
    manifests: z.array(manifest).max(1000),
    /** The whole active set after this change, as `<id>@v<n>`. */
    active: z.array(z.string()).max(1000),
    /** Last event before the app's first deploy: older events are not its business. */
    eventsFrom: z.strictObject({ stream: z.string(), seq: z.int().nonnegative() }),
  }),
  /** Another limit than the one that was deployed, until `rule: null` takes it back (rule 7.9). */
  z.strictObject({
    v: z.literal(DEFINITION_VERSION),
    kind: z.literal('limit'),
    app: token,
    number: z.int().positive(),
    at,
    by: text,
    reason: text,
    /** `<binding>/<name>`, `@app/<name>` or `@global/<name>`. */
    limit: z.string().max(192),
    rule: rulePatch,
  }),
  /** Until a `resume` of the same, nothing is started (rule 2.5). */
  z.strictObject({ kind: z.literal('pause'), ...order }),
  z.strictObject({ kind: z.literal('resume'), ...order }),
])
export type DefChange = z.infer<typeof defChange>
