import { z } from 'zod'

const count = z.int().positive().max(1_000_000)
const durationMs = z
  .int()
  .positive()
  .max(30 * 24 * 3_600_000)

/** Members of a batch stand in one entry, which has a bound. */
export const batchSizeMax = 500

/**
 * The arithmetic of each gate (SEMANTICS 7), as a manifest states it. Whose events share a ledger
 * under it is a matter of the limit that names the rule.
 */
const batchRule = z.strictObject({
  kind: z.literal('batch'),
  size: z.int().positive().max(batchSizeMax),
  /** From the first member on. */
  timeoutMs: durationMs,
  /** Encoded events, together. */
  bytesMax: z
    .int()
    .positive()
    .max(64 * 1024 * 1024)
    .optional(),
})
const debounceRule = z.strictObject({
  kind: z.literal('debounce'),
  /** Of quiet. */
  periodMs: durationMs,
  /** From the first of a row on. */
  maxWaitMs: durationMs.optional(),
})
const rateLimitRule = z.strictObject({
  kind: z.literal('rateLimit'),
  max: count,
  periodMs: durationMs,
})
const throttleRule = z.strictObject({
  kind: z.literal('throttle'),
  max: count,
  periodMs: durationMs,
})
const singletonRule = z.strictObject({
  kind: z.literal('singleton'),
  mode: z.enum(['skip', 'replace']),
})
const concurrencyRule = z.strictObject({ kind: z.literal('concurrency'), max: count })

const percent = z.int().positive().max(100)
const circuitRule = z.strictObject({
  kind: z.literal('circuit'),
  /** Dispatches that fail in a row until it opens. */
  failures: count,
  /** Or so many in a hundred, of at least `rateMin` within `windowMs`. */
  ratePercent: percent,
  rateMin: count,
  windowMs: z.int().min(1000).max(3_600_000),
  /** Until somebody may try; doubled with each probe that fails. */
  openMs: durationMs,
  openMaxMs: durationMs,
  /** Whoever meets it open comes back when it may try, or is dead-lettered at once. */
  whenOpen: z.enum(['defer', 'dlq']),
})

export const rule = z.discriminatedUnion('kind', [
  batchRule,
  debounceRule,
  rateLimitRule,
  throttleRule,
  singletonRule,
  concurrencyRule,
  circuitRule,
])
export type Rule = z.infer<typeof rule>
export type RuleKind = Rule['kind']
export type RuleOf<K extends RuleKind> = Extract<Rule, { kind: K }>

/** What an operator may set of a rule while it is in force; null is what was deployed. */
export const rulePatch = z
  .strictObject({
    max: count.optional(),
    periodMs: durationMs.optional(),
    size: z.int().positive().max(batchSizeMax).optional(),
    timeoutMs: durationMs.optional(),
    maxWaitMs: durationMs.optional(),
    failures: count.optional(),
    ratePercent: percent.optional(),
    rateMin: count.optional(),
    openMs: durationMs.optional(),
    openMaxMs: durationMs.optional(),
  })
  .nullable()
export type RulePatch = z.infer<typeof rulePatch>

/** Undefined: this kind of rule has no such number. */
export function patched(rule: Rule, patch: RulePatch): Rule | undefined {
  if (patch === null) return rule
  const names = Object.entries(patch).filter(([, value]) => value !== undefined)
  const known: readonly string[] = patchable[rule.kind]
  if (!names.every(([name]) => known.includes(name))) return undefined
  // The names are those of the rule's own numbers, whose ranges the patch shares.
  return { ...rule, ...Object.fromEntries(names) }
}

const patchable: { readonly [K in RuleKind]: readonly string[] } = {
  batch: ['size', 'timeoutMs'],
  debounce: ['periodMs', 'maxWaitMs'],
  rateLimit: ['max', 'periodMs'],
  throttle: ['max', 'periodMs'],
  singleton: [],
  concurrency: ['max'],
  circuit: ['failures', 'ratePercent', 'rateMin', 'openMs', 'openMaxMs'],
}
