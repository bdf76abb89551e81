import { type Answer, type ApiError, type Asked, notFound, refused } from '@waybill/api'
import { patched, sharedApp, type Rule, type RulePatch } from '@waybill/core'
import { changeLimit, type FlowStatus, type Host, type LimitStatus } from '@waybill/engine'
import { streamNames } from '@waybill/log'
import { audit, type HandlerParts } from './parts.ts'

/** Limits and ledgers of the partitions that this process leads. */
export function listFlow(
  { host, shared, topology }: HandlerParts,
  { app, limit, members }: Asked<'flow.list'>,
): Answer<'flow.list'> {
  const { instance } = host.status()
  const hosts = [host, ...(shared ? [shared] : [])].filter(
    (one) => app === undefined || one.status().app === app || one === shared,
  )
  const limits = new Map<string, Answer<'flow.list'>['limits'][number]>()
  const ledgers: Answer<'flow.list'>['ledgers'] = []
  let seq = 0
  for (const one of hosts) {
    const name = one.status().app
    for (const status of one.flow(limit, members)) {
      seq = Math.max(seq, status.seq)
      for (const row of status.limits) limits.set(`${name} ${row.limit}`, { ...row, app: name })
      for (const { holders, waiters, ...row } of status.ledgers) {
        ledgers.push({ ...row, app: name, holders: [...holders], waiters: [...waiters] })
      }
    }
  }
  ledgers.sort((a, b) => b.waiting - a.waiting || (a.ledger < b.ledger ? -1 : 1))
  const asOf = { [streamNames(topology).journal]: seq }
  return { instance, limits: [...limits.values()], ledgers: ledgers.slice(0, ledgersMax), asOf }
}

const ledgersMax = 1000

/** Changes a limit while it is in force (rule 7.9). Nothing changes unless the numbers fit it. */
export async function setFlow(
  parts: HandlerParts,
  { app, limit, rule, by, reason, dryRun }: Asked<'flow.set'>,
): Promise<Answer<'flow.set'>> {
  const global = limit.startsWith('@global/')
  const known = find(global ? [parts.host, parts.shared] : [parts.host], limit)
  if (!known) throw notFound('limit', limit, 'waybill flow ls')
  const before = inForce(known)
  const after = patched(known.rule, rule)
  if (!after) throw unfit(limit, known.rule, rule)
  const { log, topology } = parts
  if (dryRun) {
    const { journal } = streamNames(topology)
    const { lastSeq } = await log.info(journal)
    return { dryRun, before, after, asOf: { [journal]: lastSeq } }
  }
  const owner = global ? sharedApp : app
  const change = await changeLimit(log, topology, { app: owner, limit, rule, by, reason })
  const id = `limit-${owner}-${change}`
  const asOf = await audit(parts, {
    kind: 'flow-set',
    id,
    app,
    by,
    reason,
    total: 1,
    done: 1,
    state: 'done',
    filter: { limit, rule, before, after, change },
  })
  return { dryRun, before, after, change, asOf }
}

/** Which numbers it has, for whoever named another. */
function unfit(limit: string, rule: Rule, patch: RulePatch): ApiError {
  const theirs = Object.keys(patch ?? {}).filter((name) => !(name in rule))
  const own = Object.keys(rule).filter((name) => patched(rule, { [name]: 1 }) !== undefined)
  const may = own.length === 0 ? 'none can be set' : `what can be set is ${own.join(', ')}`
  return refused(
    'unfit',
    `it is a ${rule.kind} and has no ${theirs.join(', ')}: ${may}`,
    limit,
    `waybill flow get ${limit}`,
  )
}

function find(hosts: readonly (Host | undefined)[], limit: string): LimitStatus | undefined {
  for (const host of hosts) {
    for (const { limits } of host?.flow(limit) ?? ([] as readonly FlowStatus[])) {
      const found = limits.find((one) => one.limit === limit)
      if (found) return found
    }
  }
  return undefined
}

const inForce = ({ rule, override }: LimitStatus): Rule =>
  (override && patched(rule, override.rule)) ?? rule
