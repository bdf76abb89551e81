import { encode, equalBytes, labelOf, type Definition, type KeyedLimit } from '@waybill/core'
import type { Issues } from './error.ts'

interface Named {
  readonly binding: string
  readonly limit: KeyedLimit
}

/**
 * Bindings that name the same limit of the app, or of all apps, share its ledgers: with two rules
 * the one that is read last would hold for both, and keyed and keyless ones would never meet.
 */
export function checkShared(
  bindings: readonly { readonly definition: Definition }[],
  issues: Issues,
): void {
  const known = new Map<string, Named>()
  for (const [at, { definition }] of bindings.entries()) {
    for (const limit of definition.flow?.limits ?? []) {
      if (limit.scope === 'binding') continue
      const label = labelOf(definition.id, limit)
      const other = known.get(label)
      known.set(label, other ?? { binding: definition.id, limit })
      const difference = other && differenceOf(limit, other.limit)
      if (difference === undefined) continue
      const path = `bindings[${at}].${settingOf(limit)}`
      const message = `${label} is not what ${other?.binding} says it is: ${difference}`
      const hint = 'one name, one limit: write it once and share it, or give one another name'
      issues.add('definition.conflict', path, message, hint)
    }
  }
}

/** Where an author writes it. */
const settingOf = ({ rule: { kind } }: KeyedLimit): string =>
  kind === 'circuit' ? kind : `flow.${kind}`

function differenceOf(a: KeyedLimit, b: KeyedLimit): string | undefined {
  if (!equalBytes(encode(sharedOf(a)), encode(sharedOf(b))))
    return `${told(a)}, and ${told(b)} there`
  if ((a.key === undefined) === (b.key === undefined)) return undefined
  return a.key ? 'it has a key, and none there' : 'it has no key, and one there'
}

/** What becomes of those who meet an open circuit is each binding's own affair. */
const sharedOf = ({ rule }: KeyedLimit) =>
  rule.kind === 'circuit' ? { ...rule, whenOpen: 'defer' } : rule

function told({ rule: { kind, ...numbers } }: KeyedLimit): string {
  const each = Object.entries(numbers).map(([name, value]) => `${name} ${value}`)
  return `${kind} ${each.join(', ')}`
}
