import { labelOf } from '../ledger/limit.ts'
import type { Rule } from '../ledger/rule.ts'
import type { DefChange } from './definition.ts'
import type { InputOf } from './entry.ts'
import { applyPause } from './pause.ts'
import { manifestOf, type Partition } from './state.ts'

/** Takes a change of definitions that was found fit. */
export function applyDefinition(partition: Partition, { change }: InputOf<'def'>): void {
  partition.definitions = change.number
  const since = risingFrom(partition, change.at)
  switch (change.kind) {
    case 'deploy':
      return applyDeploy(partition, change, since)
    case 'limit': {
      const { limit, rule, by, reason } = change
      if (rule === null) partition.overrides.delete(limit)
      else partition.overrides.set(limit, { rule, by, reason, at: since })
      return
    }
    case 'pause':
    case 'resume':
      return applyPause(partition, change)
    default:
      return change satisfies never
  }
}

/** When a change came into force: by its own clock, but never before the change that it follows. */
function risingFrom({ rules, overrides }: Partition, at: number): number {
  let latest = at - 1
  for (const { since } of rules.values()) latest = Math.max(latest, since)
  for (const override of overrides.values()) latest = Math.max(latest, override.at)
  return latest + 1
}

function applyDeploy(
  partition: Partition,
  change: Extract<DefChange, { kind: 'deploy' }>,
  since: number,
): void {
  for (const binding of change.manifests) {
    const key = `${binding.id}@v${binding.version}`
    if (!partition.manifests.has(key)) partition.manifests.set(key, binding)
  }
  partition.active.clear()
  for (const key of change.active) {
    const binding = manifestOf(partition, key)
    partition.active.set(binding.id, `${binding.id}@v${binding.version}`)
  }
  partition.routes.clear()
  for (const [label, rule] of limitsOf(partition)) {
    partition.rules.set(label, { rule, since })
  }
  const { stream, seq } = change.eventsFrom
  if (partition.positions.has(stream) || seq === 0) return
  partition.positions.set(stream, { seq, index: lastIndex, hash: '' })
}

/** The rules of all active bindings, by the labels of their limits. */
function limitsOf(partition: Partition): ReadonlyMap<string, Rule> {
  const rules = new Map<string, Rule>()
  for (const key of [...partition.active.values()].sort()) {
    const { id, flow } = manifestOf(partition, key)
    for (const limit of flow?.limits ?? []) {
      const label = labelOf(id, limit)
      if (!rules.has(label)) rules.set(label, limit.rule)
    }
  }
  return rules
}

/** Everything in that message counts as read. */
const lastIndex = 0x7fffffff
