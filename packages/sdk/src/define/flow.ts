import { byOrder, labelOf, type FlowSpec, type Timeouts } from '@waybill/core'
import type { Issues } from './error.ts'
import { policyLimitsOf, type OwnKey } from './key-policy.ts'
import { limitsOf, type DraftLimit, type KeyFunction } from './limit.ts'
import { checkNames, isObject } from './settings.ts'
import { checkTogether } from './together.ts'

/** What the limits are set beside. */
export interface FlowSurroundings extends OwnKey {
  readonly timeouts: Timeouts
}

export interface Flow {
  /** Undefined: the binding has no limits. */
  readonly flow: FlowSpec | undefined
  /** The function that each limit's key is, in the manifest's order. */
  readonly keys: readonly (KeyFunction | undefined)[]
}

/** Kinds of limits that a binding can set besides the order of its key. */
const kinds = ['batch', 'debounce', 'rateLimit', 'throttle', 'singleton', 'concurrency'] as const
const names = ['key', ...kinds, 'holdWhileRetrying']

const limitsMax = 16
const none: Flow = { flow: undefined, keys: [] }

/** Whatever order the settings are written in, the limits stand in the one all dispatches take. */
export function flowOf(spec: unknown, around: FlowSurroundings, issues: Issues): Flow {
  if (spec === undefined) return none
  if (!isObject(spec)) {
    const hint = "as in { concurrency: 5 } or { debounce: { key: 'event.data.id', period: '10s' } }"
    issues.add('definition.type', 'flow', 'is no flow control', hint)
    return none
  }
  checkNames('flow.', spec, names, issues)
  const { data, timeouts } = around
  const limits = [
    ...policyLimitsOf(spec['key'], around, issues),
    ...kinds.flatMap((kind) => limitsOf(kind, spec[kind], data, issues)),
  ].toSorted((a, b) => byOrder(a.limit, b.limit))
  checkLabels(limits, issues)
  checkTogether(spec, limits, timeouts, issues)
  const holdWhileRetrying = spec['holdWhileRetrying'] ?? false
  if (typeof holdWhileRetrying !== 'boolean') {
    issues.add('definition.type', 'flow.holdWhileRetrying', 'is neither true nor false')
    return none
  }
  if (limits.length === 0) return none
  return {
    flow: { limits: limits.map(({ limit }) => limit), holdWhileRetrying },
    keys: limits.map(({ run }) => run),
  }
}

/** One name, one limit. */
function checkLabels(limits: readonly DraftLimit[], issues: Issues): void {
  const labels = new Map<string, string>()
  for (const { limit, path } of limits) {
    const label = labelOf('', limit)
    const other = labels.get(label)
    if (other !== undefined) {
      const hint = 'give one of them another name'
      issues.add('definition.duplicate', `${path}.name`, `${limit.name} is ${other} already`, hint)
    }
    labels.set(label, path)
  }
  if (limits.length > limitsMax) {
    issues.add('definition.range', 'flow', `has ${limits.length} limits`, `at most ${limitsMax}`)
  }
}
