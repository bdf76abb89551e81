import { z } from 'zod'
import { waitMsMax } from './fault.ts'
import { type Hash, hashParts } from './id.ts'

const wait = z.int().nonnegative().max(waitMsMax)
const attemptsMax = 1000
const attempts = z.int().positive().max(attemptsMax)
const jitter = z.enum(['full', 'none']).default('full')

/** 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h: what senders of webhooks have come to expect. */
const svixMs: readonly number[] = [5, 300, 1800, 7200, 18_000, 36_000, 36_000].map((s) => s * 1000)

/**
 * When to try again (SEMANTICS 4.2). `maxAttempts` counts the first one too. A list is its own
 * bound: whatever is asked for, nothing is tried after its last delay.
 */
export const retryPolicy = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('fixed'),
    delayMs: wait,
    maxAttempts: attempts.default(5),
    jitter,
  }),
  z.strictObject({
    kind: z.literal('linear'),
    stepMs: wait,
    capMs: wait.default(300_000),
    maxAttempts: attempts.default(5),
    jitter,
  }),
  z.strictObject({
    kind: z.literal('exponential'),
    baseMs: wait.default(1000),
    factor: z.number().min(1).max(100).default(2),
    capMs: wait.default(300_000),
    maxAttempts: attempts.default(5),
    jitter,
  }),
  z.strictObject({ kind: z.literal('immediate'), maxAttempts: attempts.default(5), jitter }),
  z
    .strictObject({
      kind: z.literal('svix'),
      maxAttempts: attempts.default(svixMs.length + 1),
      jitter,
    })
    .overwrite((policy) => ({
      ...policy,
      maxAttempts: Math.min(policy.maxAttempts, svixMs.length + 1),
    })),
  z
    .strictObject({
      kind: z.literal('list'),
      delaysMs: z
        .array(wait)
        .min(1)
        .max(attemptsMax - 1),
      maxAttempts: attempts.default(attemptsMax),
      jitter,
    })
    .overwrite((policy) => ({
      ...policy,
      maxAttempts: Math.min(policy.maxAttempts, policy.delaysMs.length + 1),
    })),
])
export type RetryPolicy = z.infer<typeof retryPolicy>

export const defaultRetry: RetryPolicy = retryPolicy.parse({ kind: 'exponential' })

/**
 * Pause after failed attempt n (from 1), in whole ms.
 *
 * @param chance in [0, 1), from `jitterOf`
 * @param afterMs what the other side asked for, as with Retry-After: a floor
 */
export function delayMs(policy: RetryPolicy, attempt: number, chance: number, afterMs = 0): number {
  const longest = Math.min(waitMsMax, Math.floor(plannedMs(policy, attempt)))
  // Full jitter: a herd that failed together must not come back together.
  const chosen = policy.jitter === 'none' ? longest : Math.floor(chance * (longest + 1))
  return Math.min(waitMsMax, Math.max(chosen, Math.ceil(afterMs)))
}

function plannedMs(policy: RetryPolicy, attempt: number): number {
  switch (policy.kind) {
    case 'fixed':
      return policy.delayMs
    case 'linear':
      return Math.min(policy.capMs, policy.stepMs * attempt)
    case 'exponential':
      return grownMs(policy, attempt)
    case 'immediate':
      return 0
    case 'svix':
      return nth(svixMs, attempt)
    case 'list':
      return nth(policy.delaysMs, attempt)
    default:
      return policy satisfies never
  }
}

/** By multiplication and not `**`, which engines may round as they like: replays must agree. */
function grownMs(
  { baseMs, factor, capMs }: Extract<RetryPolicy, { kind: 'exponential' }>,
  attempt: number,
): number {
  let delay = baseMs
  for (let i = 1; i < attempt && delay < capMs; i++) delay *= factor
  return Math.min(capMs, delay)
}

function nth(delaysMs: readonly number[], attempt: number): number {
  return delaysMs[Math.min(attempt, delaysMs.length) - 1] ?? 0
}

/** Chance that every replay agrees on, in [0, 1). */
export function jitterOf(hash: Hash, dispatch: string, attempt: number): number {
  return Number.parseInt(hashParts(hash, dispatch, String(attempt)).slice(0, 12), 16) / 2 ** 48
}
