import type { Draft } from './draft.ts'
import type { DefChange } from './definition.ts'
import type { InputOf } from './entry.ts'
import { labelIn, labelOf, sharedApp } from '../ledger/limit.ts'
import { patched, type Rule } from '../ledger/rule.ts'
import { record } from './admission.ts'
import { pauseProblem } from './pause.ts'
import type { Partition } from './state.ts'

/** A change of definitions is taken as a whole, in its turn, or recorded as ignored with a reason. */
export function decideDefinition(draft: Draft, { change }: InputOf<'def'>): void {
  const { partition, facts } = draft
  const { number } = change
  const unfit = misfitOf(partition, change)
  if (unfit !== undefined) {
    facts.push({ kind: 'def.ignored', number, reason: unfit })
    return
  }
  const reason = refusalOf(partition, change)
  if (reason !== undefined) {
    facts.push({ kind: 'def.refused', number, reason })
    return
  }
  facts.push({ kind: 'def.applied', number })
  // Who waits under a rule that changes is judged again (rule 7.9), by ticks.
  for (const label of changedLimits(partition, change)) {
    record(draft, { kind: 'ledger.backlog', ledger: label })
  }
}

function misfitOf(partition: Partition, change: DefChange): string | undefined {
  if (change.app !== partition.app) return `it is for ${change.app}`
  if (change.number !== partition.definitions + 1) {
    return `change ${partition.definitions + 1} is the next one`
  }
  if (change.kind !== 'deploy') return undefined
  const brought = new Set(change.manifests.map(({ id, version }) => `${id}@v${version}`))
  const unknown = change.active.find((key) => !brought.has(key) && !partition.manifests.has(key))
  return unknown === undefined ? undefined : `no manifest for ${unknown}`
}

/** Why an operator's change, in its turn, changes nothing. */
function refusalOf(partition: Partition, change: DefChange): string | undefined {
  switch (change.kind) {
    case 'deploy':
      return undefined
    case 'limit': {
      // The shared app has no bindings: its limits are those that others ask it about.
      if (partition.app === sharedApp) return undefined
      const rules = deployedAs(partition, change.limit)
      if (rules.length === 0) return `there is no limit ${change.limit}`
      const fits = rules.some((rule) => patched(rule, change.rule) !== undefined)
      return fits ? undefined : `${change.limit} is a ${rules[0]?.kind}`
    }
    case 'pause':
    case 'resume':
      return pauseProblem(partition, change)
    default:
      return change satisfies never
  }
}

/**
 * Under any version of any binding. What letters tell of rules counts for nothing here: every
 * partition of an app must take the same changes.
 */
function deployedAs({ manifests }: Partition, label: string): readonly Rule[] {
  return [...manifests.values()].flatMap(({ id, flow }) =>
    (flow?.limits ?? []).filter((limit) => labelOf(id, limit) === label).map(({ rule }) => rule),
  )
}

function changedLimits(partition: Partition, change: DefChange): readonly string[] {
  if (change.kind === 'limit') return [change.limit]
  if (change.kind !== 'deploy') return []
  // Any deploy may change a rule; only limits in which somebody waits are worth a look.
  return [...new Set([...partition.queues].map(labelIn))].sort()
}
