import { keyLimit, type KeyedLimit, type Predicate } from '@waybill/core'
import type { Shape } from '../cel/shape.ts'
import type { Issues } from './error.ts'
import type { KeyPolicy } from './flow-settings.ts'
import { functionIn, type DraftLimit } from './limit.ts'
import { keyOf } from './predicate.ts'
import { checkNames, isObject } from './settings.ts'

/** What the binding itself says. */
export interface OwnKey {
  readonly data: Shape
  /** Its key, as it was written and as it was checked. */
  readonly key: { readonly given: unknown; readonly checked: Predicate | undefined }
}

/** Rule 3.6: what keeps the order of a key is one of the other gates, under a name of its own. */
const rules: { readonly [Policy in KeyPolicy]: KeyedLimit['rule'] } = {
  queue: { kind: 'concurrency', max: 1 },
  interrupt: { kind: 'singleton', mode: 'replace' },
  reject: { kind: 'singleton', mode: 'skip' },
}

export function policyLimitsOf(spec: unknown, own: OwnKey, issues: Issues): readonly DraftLimit[] {
  if (spec === undefined) return []
  if (isObject(spec)) checkNames('flow.key.', spec, ['key', 'policy'], issues)
  const policy = policyOf(spec, issues)
  const key = givenOf(spec, own, issues) ?? own.key
  if (!policy) return []
  if (key.given === undefined) {
    const hint = "give the binding a key, or write { key: 'event.data.id', policy: 'queue' }"
    issues.add('definition.missing', 'flow.key', 'there is no key to keep in order', hint)
  }
  if (!key.checked) return []
  const limit = { name: keyLimit, scope: 'binding', rule: rules[policy] } as const
  return [{ limit: { ...limit, key: key.checked }, path: 'flow.key', run: functionIn(key.given) }]
}

function policyOf(spec: unknown, issues: Issues): KeyPolicy | undefined {
  const policy = isObject(spec) ? spec['policy'] : spec
  // An own key of the table, so one of its policies.
  if (typeof policy === 'string' && Object.hasOwn(rules, policy)) return policy as KeyPolicy
  const path = isObject(spec) ? 'flow.key.policy' : 'flow.key'
  const code = policy === undefined ? 'definition.missing' : 'definition.type'
  const hint = "'queue', 'interrupt' or 'reject', or { key: 'event.data.id', policy: 'queue' }"
  return issues.add(code, path, 'is no policy', hint)
}

function givenOf(spec: unknown, { data }: OwnKey, issues: Issues): OwnKey['key'] | undefined {
  const given = isObject(spec) ? spec['key'] : undefined
  if (given === undefined) return undefined
  return { given, checked: keyOf('flow.key.key', given, data, issues) }
}
