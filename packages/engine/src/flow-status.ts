import {
  gateOf,
  labelIn,
  ruleOf,
  type Circuit,
  type Ledger,
  type Partition,
  type Rule,
  type RulePatch,
} from '@waybill/core'

export interface LimitStatus {
  /** `<binding>/<name>`, `@app/<name>` or `@global/<name>`. */
  readonly limit: string
  /** As deployed. */
  readonly rule: Rule
  readonly override?: {
    readonly rule: RulePatch
    readonly by: string
    readonly reason: string
    readonly at: number
  }
}

export interface LedgerStatus {
  readonly ledger: string
  readonly limit: string
  readonly slot: number
  /** In force. */
  readonly rule: Rule
  readonly tenant?: string
  readonly key?: string
  readonly used: number
  readonly waiting: number
  readonly oldest?: number
  readonly nextAt?: number
  readonly holders: readonly string[]
  readonly waiters: readonly { readonly dispatch: string; readonly since: number }[]
  /** Of a circuit. */
  readonly circuit?: Circuit
}

export interface FlowStatus {
  readonly limits: readonly LimitStatus[]
  readonly ledgers: readonly LedgerStatus[]
}

/** @param wanted a limit, or one ledger of it; undefined: all */
export function flowOf(
  partition: Partition,
  wanted: string | undefined,
  members: number,
): FlowStatus {
  const isWanted = (id: string): boolean =>
    wanted === undefined || id === wanted || labelIn(id) === wanted
  const limits = [...partition.rules]
    .filter(([label]) => isWanted(label) || wanted?.startsWith(`${label}/`))
    .map(([limit, { rule }]) => {
      const override = partition.overrides.get(limit)
      return { limit, rule, ...(override && { override }) }
    })
  const ledgers = [...partition.ledgers.values()]
    .filter(({ id }) => isWanted(id))
    .flatMap((ledger) => ledgerOf(partition, ledger, members) ?? [])
  return { limits, ledgers }
}

function ledgerOf(partition: Partition, ledger: Ledger, members: number): LedgerStatus | undefined {
  const { id, tenant, key, holders, queue } = ledger
  const rule = ruleOf(partition, id)
  if (!rule) return undefined
  const waiting = [...queue.waiters.values()]
  const nextAt = gateOf(rule).due(ledger, rule)
  const oldest = waiting.reduce((least, { since }) => Math.min(least, since), Infinity)
  return {
    ledger: id,
    limit: labelIn(id),
    slot: partition.slot,
    rule,
    ...(tenant !== undefined && { tenant }),
    ...(key !== undefined && { key }),
    used: holders.size + within(ledger, rule, partition.at),
    waiting: waiting.length,
    ...(waiting.length > 0 && { oldest }),
    ...(nextAt !== undefined && { nextAt }),
    holders: [...holders.values()].slice(0, members).map(({ dispatch }) => dispatch),
    waiters: waiting
      .slice(0, members)
      .map(({ ticket, since }) => ({ dispatch: ticket.dispatch, since })),
    ...(ledger.circuit && { circuit: ledger.circuit }),
  }
}

function within({ stamps }: Ledger, rule: Rule, at: number): number {
  if (!('periodMs' in rule)) return 0
  return stamps.filter((stamp) => stamp > at - rule.periodMs).length
}
