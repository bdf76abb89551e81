import { labelOf } from '../ledger/limit.ts'
import type { Rule } from '../ledger/rule.ts'
import type { DefChange } from './definition.ts'
import type { InputOf } from './entry.ts'
import { bringIntoForce } from './ledgers.ts'
import { applyPause } from './pause.ts'
import { manifestOf, type Partition } from './state.ts'

/** Takes a change of definitions that was found fit. */
export function applyDefinition(partition: Partition, { change }: InputOf<'def'>): void {
  partition.definitions = change.number
  // A function of the changes alone, so every partition of the app says the same of each of them.
  partition.since = Math.max(partition.since + 1, change.at)
  switch (change.kind) {
    case 'deploy':
      return applyDeploy(partition, change)
    case 'limit': {
      const { limit, rule, by, reason } = change
      if (rule === null) partition.overrides.delete(limit)
      else partition.overrides.set(limit, { rule, by, reason, at: partition.since })
      return
    }
    case 'pause':
    case 'resume':
      return applyPause(partition, change)
    default:
      return change satisfies never
  }
}

function applyDeploy(partition: Partition, change: Extract<DefChange, { kind: 'deploy' }>): void {
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
    bringIntoForce(partition, label, { rule, since: partition.since })
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
