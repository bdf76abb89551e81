import { z } from 'zod'
import { encode } from './codec.ts'
import { token, type Hash } from './id.ts'
import { byOrder, labelOf, limit, type Limit } from './ledger/limit.ts'
import { retryPolicy } from './retry.ts'

export const MANIFEST_VERSION = 1

const pattern = z.string().regex(/^([A-Za-z0-9_-]+|\*)(\.([A-Za-z0-9_-]+|\*))*(\.>)?$|^>$/, {
  error: 'an event type, or a pattern of dot-separated tokens with * (one token) or a final >',
})
const codeHash = z.string().regex(/^[0-9a-f]{32}$/)

/** What decides whether an event of the right type starts a dispatch. */
export const predicate = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('cel'), text: z.string().min(1).max(4096) }),
  /** A synchronous function is judged where the event is read; an asynchronous one is an effect. */
  z.strictObject({ kind: z.literal('function'), code: codeHash, async: z.boolean() }),
])
export type Predicate = z.infer<typeof predicate>

export const priority = z.enum(['critical', 'high', 'normal', 'low'])
export const tier = z.enum(['shadow', 'suggest', 'act_with_approval', 'act_auto'])

const durationMs = z
  .int()
  .positive()
  .max(30 * 24 * 3_600_000)

export const timeouts = z.strictObject({
  /** Start to close of one attempt. */
  attemptMs: durationMs,
  /** Start of the dispatch to its first attempt. */
  scheduleToStartMs: durationMs.optional(),
  /** Start of the dispatch to its end; past it, it is dead-lettered as expired. */
  scheduleToCloseMs: durationMs,
  /** How long a predicate that is an effect may take. */
  predicateMs: durationMs,
  /** How long an attempt waits for an instance that has this version's code. */
  versionWaitMs: durationMs,
})
export type Timeouts = z.infer<typeof timeouts>

export const handlerSpec = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('local'), code: codeHash, isolate: z.boolean() }),
])
export type HandlerSpec = z.infer<typeof handlerSpec>

/** Flow control: the limits of a binding, in the one order in which all dispatches take theirs. */
export const flowSpec = z.strictObject({
  limits: z
    .array(limit.extend({ key: predicate.optional() }))
    .min(1)
    .max(16)
    .refine(isInOrder, { error: 'limits stand in the order in which they are taken, each once' }),
  /** Permits are kept during the pause before the next attempt. */
  holdWhileRetrying: z.boolean(),
})
export type FlowSpec = z.infer<typeof flowSpec>
export type KeyedLimit = FlowSpec['limits'][number]

function isInOrder(limits: readonly (Limit & { readonly key?: unknown })[]): boolean {
  const labels = new Set(limits.map((one) => labelOf('', one)))
  const sorted = limits.every((one, at) => {
    const before = limits[at - 1]
    return before === undefined || byOrder(before, one) < 0
  })
  return sorted && labels.size === limits.length
}

/**
 * The serialisable part of a binding: all that a partition needs to decide. `hash` covers every
 * field but `version` and itself, so the same definition always has the same hash.
 */
export const manifest = z.strictObject({
  v: z.literal(MANIFEST_VERSION),
  id: token,
  version: z.int().positive(),
  hash: codeHash,
  on: z.array(pattern).min(1).max(64),
  when: predicate.optional(),
  /** Orders and shares: the key's text is computed where the event is read. */
  key: predicate.optional(),
  flow: flowSpec.optional(),
  /** Input mapping: name -> CEL path into the event (rule 2.4). */
  input: z.record(z.string(), z.string().max(1024)).optional(),
  retry: retryPolicy,
  timeouts,
  priority,
  tier,
  onPermanentError: z.enum(['dlq', 'fail']),
  maxChainDepth: z.int().positive().max(64),
  /** Kills alone in a child process before the dispatch is dead-lettered as poison (rule 12.3). */
  poisonMax: z.int().positive().max(10),
  handler: handlerSpec,
})
export type Manifest = z.infer<typeof manifest>

export type BindingKey = `${string}@v${number}`

export const bindingKey = (binding: Pick<Manifest, 'id' | 'version'>): BindingKey =>
  `${binding.id}@v${binding.version}`

/** 128 bits over everything that can change what a dispatch does, but not over the version. */
export function definitionHash(hash: Hash, binding: Omit<Manifest, 'hash' | 'version'>): string {
  const { hash: _hash, version: _version, ...rest } = binding as Manifest
  return hash.bytes(encode(rest)).slice(0, 32)
}

export const defaultTimeouts: Timeouts = {
  attemptMs: 30_000,
  scheduleToCloseMs: 30 * 24 * 3_600_000,
  predicateMs: 30_000,
  versionWaitMs: 24 * 3_600_000,
}
