import { defaultRetry, retryPolicy, type RetryPolicy } from '@waybill/core'
import type { Duration } from './duration.ts'
import type { Issues } from './error.ts'
import { inMs, isObject } from './settings.ts'

interface Common {
  /** Runs in all, the first one included. */
  readonly attempts?: number
  /** `full` (default) spreads each wait over 0 to its length, so a herd doesn't return at once. */
  readonly jitter?: 'full' | 'none'
}

/** When to try again. The default is exponential: 5 attempts, from 1 s, doubling, up to 5 min. */
export type RetrySpec =
  | 'immediate'
  | 'svix'
  | (Common & {
      readonly backoff?: 'exponential'
      readonly base?: Duration
      readonly factor?: number
      readonly cap?: Duration
    })
  | (Common & { readonly backoff: 'linear'; readonly step: Duration; readonly cap?: Duration })
  | (Common & { readonly backoff: 'fixed'; readonly delay: Duration })
  | (Common & { readonly backoff: 'immediate' | 'svix' })
  | (Pick<Common, 'jitter'> & { readonly delays: readonly Duration[] })

type Kind = RetryPolicy['kind']

/** Settings of each kind, with the name of the policy's field; durations end in Ms there. */
const fieldsOf = {
  exponential: { base: 'baseMs', factor: 'factor', cap: 'capMs' },
  linear: { step: 'stepMs', cap: 'capMs' },
  fixed: { delay: 'delayMs' },
  immediate: {},
  svix: {},
  list: { delays: 'delaysMs' },
} as const satisfies Record<Kind, Record<string, string>>

const common = { attempts: 'maxAttempts', jitter: 'jitter' } as const

const example = "as in { attempts: 4, backoff: 'exponential', base: '1s', factor: 2, cap: '5m' }"

/** Undefined when something is wrong with it. */
export function retryOf(spec: unknown, issues: Issues): RetryPolicy | undefined {
  if (spec === undefined) return defaultRetry
  if (spec === 'immediate' || spec === 'svix') return retryPolicy.parse({ kind: spec })
  if (!isObject(spec)) {
    const hint = `'immediate', 'svix', or an object ${example}`
    return issues.add('definition.type', 'retry', 'is no retry policy', hint)
  }
  const kind = kindOf(spec, issues)
  return kind && policyOf(kind, spec, issues)
}

function kindOf(
  { backoff, delays }: Readonly<Record<string, unknown>>,
  issues: Issues,
): Kind | undefined {
  if (delays !== undefined && backoff !== undefined) {
    const hint = 'a list of delays says it all: leave backoff out'
    return issues.add('definition.conflict', 'retry.backoff', 'excludes delays', hint)
  }
  if (delays !== undefined) return 'list'
  const kind = backoff ?? 'exponential'
  if (typeof kind === 'string' && kind !== 'list' && Object.hasOwn(fieldsOf, kind)) {
    return kind as Kind // an own key of the table, so one of its kinds
  }
  const hint = "one of 'exponential', 'linear', 'fixed', 'immediate', 'svix'"
  return issues.add('definition.type', 'retry.backoff', 'is no backoff', hint)
}

function policyOf(
  kind: Kind,
  spec: Readonly<Record<string, unknown>>,
  issues: Issues,
): RetryPolicy | undefined {
  const before = issues.all.length
  const fields: Readonly<Record<string, string>> = { ...common, ...fieldsOf[kind] }
  const policy: Record<string, unknown> = { kind }
  for (const [name, value] of Object.entries(spec)) {
    const field = fields[name]
    if (value === undefined || name === 'backoff') continue
    if (field === undefined) foreign(kind, name, issues)
    else policy[field] = valueOf(name, field, value, issues)
  }
  checkTogether(policy, issues)
  if (issues.all.length > before) return undefined
  const parsed = retryPolicy.safeParse(policy)
  for (const { path, message } of parsed.error?.issues ?? []) {
    const name = Object.keys(fields).find((one) => fields[one] === path[0]) ?? String(path[0])
    issues.add('definition.range', `retry.${name}`, message, example)
  }
  return parsed.data
}

function foreign(kind: Kind, name: string, issues: Issues): void {
  const owner = Object.entries(fieldsOf).find(([, fields]) => Object.hasOwn(fields, name))?.[0]
  const hint = `known with ${kind}: ${Object.keys({ ...common, ...fieldsOf[kind] }).join(', ')}`
  if (owner === undefined)
    issues.add('definition.unknown', `retry.${name}`, 'no such setting', hint)
  else
    issues.add('definition.conflict', `retry.${name}`, `belongs to ${owner}, not to ${kind}`, hint)
}

function valueOf(name: string, field: string, value: unknown, issues: Issues): unknown {
  if (name !== 'delays') return field.endsWith('Ms') ? inMs(`retry.${name}`, value, issues) : value
  if (Array.isArray(value)) return value.map((one, at) => inMs(`retry.delays[${at}]`, one, issues))
  return issues.add('definition.type', 'retry.delays', 'is no list', "as in ['1s', '5s']")
}

function checkTogether(policy: Readonly<Record<string, unknown>>, issues: Issues): void {
  const { kind, baseMs, capMs, maxAttempts } = policy
  if (typeof baseMs === 'number' && typeof capMs === 'number' && capMs < baseMs) {
    const hint = 'the cap is the longest wait, the base the first one'
    issues.add('definition.conflict', 'retry.cap', 'is shorter than base', hint)
  }
  if (kind === 'list' && maxAttempts !== undefined) {
    const hint = 'a list of n delays makes n + 1 attempts: leave attempts out'
    issues.add('definition.conflict', 'retry.attempts', 'excludes delays', hint)
  }
}
