import type { Draft } from './draft.ts'
import type { DefChange } from './definition.ts'
import type { InputOf } from './entry.ts'
import { labelIn } from '../ledger/limit.ts'
import { patched } from '../ledger/rule.ts'
import { record } from './admission.ts'
import type { Partition } from './state.ts'

/** A change of definitions is taken as a whole, in its turn, or recorded as ignored with a reason. */
export function decideDefinition(draft: Draft, { change }: InputOf<'def'>): void {
  const { partition, facts } = draft
  const { number } = change
  const reason = problemOf(partition, change)
  if (reason !== undefined) {
    facts.push({ kind: 'def.ignored', number, reason })
    return
  }
  facts.push({ kind: 'def.applied', number })
  // Who waits under a rule that changes is judged again (rule 7.9), by ticks.
  for (const label of changedLimits(partition, change)) {
    record(draft, { kind: 'ledger.backlog', ledger: label })
  }
}

function problemOf(partition: Partition, change: DefChange): string | undefined {
  if (change.app !== partition.app) return `it is for ${change.app}`
  if (change.number !== partition.definitions + 1) {
    return `change ${partition.definitions + 1} is the next one`
  }
  if (change.kind === 'limit') {
    const { rule } = partition.rules.get(change.limit) ?? {}
    if (!rule) return `there is no limit ${change.limit}`
    return patched(rule, change.rule) ? undefined : `${change.limit} is a ${rule.kind}`
  }
  const brought = new Set(change.manifests.map(({ id, version }) => `${id}@v${version}`))
  const unknown = change.active.find((key) => !brought.has(key) && !partition.manifests.has(key))
  return unknown === undefined ? undefined : `no manifest for ${unknown}`
}

function changedLimits(partition: Partition, change: DefChange): readonly string[] {
  if (change.kind === 'limit') return [change.limit]
  // Any deploy may change a rule; only limits in which somebody waits are worth a look.
  return [...new Set([...partition.queues].map(labelIn))].sort()
}
