import { encode, equalBytes, type HostedApp, labelOf, type Rule } from '@waybill/core'
import { type EventLog, streamNames, subjects, type Topology } from '@waybill/log'
import { readHistory } from './deploy.ts'

/**
 * A limit of scope global that another app names with another rule. There is one ledger for both, so
 * one rule holds for both: that of whoever deployed last.
 */
export interface Dispute {
  /** `@global/<name>`. */
  readonly limit: string
  readonly rule: Rule
  /** The other app, and its rule. */
  readonly app: string
  readonly theirs: Rule
}

/** What an app and those that are deployed do not agree about. An app without such limits reads nothing. */
export async function findDisputes(
  log: EventLog,
  topology: Topology,
  { name, definitions }: Pick<HostedApp, 'name' | 'definitions'>,
): Promise<readonly Dispute[]> {
  const ours = globalRules(definitions)
  if (ours.size === 0) return []
  const { defs } = streamNames(topology)
  const others = await log.subjects(defs, `${topology.prefix}.def.>`)
  const disputes: Dispute[] = []
  for (const subject of [...others.keys()].sort()) {
    if (subject === subjects(topology).def(name)) continue
    const { last, manifests } = await readHistory(log, topology, subject)
    if (!last) continue
    const active = manifests.filter(({ id, version }) => last.active.includes(`${id}@v${version}`))
    for (const [limit, theirs] of globalRules(active)) {
      const rule = ours.get(limit)
      if (rule && !equalBytes(encode(rule), encode(theirs))) {
        disputes.push({ limit, rule, app: last.app, theirs })
      }
    }
  }
  return disputes
}

const globalRules = (definitions: HostedApp['definitions']): ReadonlyMap<string, Rule> =>
  new Map(
    definitions.flatMap(({ id, flow }) =>
      (flow?.limits ?? [])
        .filter(({ scope }) => scope === 'global')
        .map((limit): [string, Rule] => [labelOf(id, limit), limit.rule]),
    ),
  )
