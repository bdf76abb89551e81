import type { KeyedLimit } from '../binding.ts'
import type { Opening } from '../ledger/fact.ts'
import { labelIn, sharedApp, type Place } from '../ledger/limit.ts'
import type { Partition } from './state.ts'

/** The rule as it was deployed; what an operator sets in its place is the ledger's own knowledge. */
export function openingOf(
  partition: Partition,
  limit: KeyedLimit,
  { ledger, key }: Place,
  tenant: string,
): Opening {
  const known = partition.rules.get(labelIn(ledger))
  return {
    tenant: key === undefined ? undefined : tenant,
    key,
    rule: known?.rule ?? limit.rule,
    since: known?.since ?? 0,
  }
}

export function isHere(partition: Partition, limit: KeyedLimit, place: Place): boolean {
  const home = homeOf(partition, limit, place)
  return home.app === partition.app && home.slot === partition.slot
}

export const homeOf = (partition: Partition, { scope }: KeyedLimit, { slot }: Place) => ({
  app: scope === 'global' ? sharedApp : partition.app,
  slot,
})
