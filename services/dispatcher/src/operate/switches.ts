import { randomUUID } from 'node:crypto'
import { type Answer, type Asked, createApiClient, notFound, refused } from '@waybill/api'
import { type Circuit, labelIn, type LetterBody, placeOf } from '@waybill/core'
import { type LedgerStatus, pauseBinding, resumeBinding } from '@waybill/engine'
import { sha256, streamNames } from '@waybill/log'
import { ask, audit, type HandlerParts } from './parts.ts'

// --- bindings --------------------------------------------------------------------------------

type Order = Asked<'binding.pause'>

/** Pauses or resumes a binding, or the whole app (rule 2.5). */
export async function order(
  parts: HandlerParts,
  kind: 'pause' | 'resume',
  { app, binding, by, reason, dryRun }: Order,
): Promise<Answer<'binding.pause'>> {
  const { log, topology } = parts
  await checkOrder(parts, kind, { app, binding })
  const about = { dryRun, ...(binding !== undefined && { binding }) }
  if (dryRun) {
    const { journal } = streamNames(topology)
    const { lastSeq } = await log.info(journal)
    return { ...about, asOf: { [journal]: lastSeq } }
  }
  const give = kind === 'pause' ? pauseBinding : resumeBinding
  const change = await give(log, topology, { app, binding, by, reason })
  const asOf = await audit(parts, {
    kind: `binding-${kind}`,
    id: `${kind}-${app}-${change}`,
    app,
    by,
    reason,
    filter: { binding, change },
    total: 1,
    done: 1,
    state: 'done',
  })
  return { ...about, change, asOf }
}

/** A partition takes what makes no sense as nothing; whoever asks for it is told before. */
async function checkOrder(
  { nc, host, topology }: HandlerParts,
  kind: 'pause' | 'resume',
  { app, binding }: Pick<Order, 'app' | 'binding'>,
): Promise<void> {
  const isMeant = (one: { readonly binding?: string }): boolean => one.binding === binding
  // Who is being given what was held is not paused any more.
  const { partitions } = host.status()
  const pauses = partitions.flatMap((one) => one.pauses.filter((row) => row.pause))
  const name = binding ?? app
  if (kind === 'resume') {
    // Who leads nothing does not know.
    if (partitions.length === 0 || pauses.some(isMeant)) return
    const whole = pauses.some((one) => one.binding === undefined)
    const why = whole ? 'it is not paused by itself, the whole app is' : 'it is not paused'
    throw refused('not_paused', why, name, 'waybill binding ls')
  }
  if (pauses.some(isMeant)) {
    throw refused(
      'already_paused',
      'it is paused already',
      name,
      'waybill binding get says by whom',
    )
  }
  if (binding === undefined) return
  const api = createApiClient(nc, { prefix: topology.prefix })
  const { bindings } = await api.call('binding.list', { app, binding })
  if (!bindings.some(({ state }) => state === 'active')) {
    throw notFound('binding', binding, 'waybill binding ls')
  }
}

// --- circuits --------------------------------------------------------------------------------

/** Circuits whose ledgers this process leads. */
export function listCircuits(
  { host, topology }: HandlerParts,
  { app, limit }: Asked<'circuit.list'>,
): Answer<'circuit.list'> {
  const { instance, app: name } = host.status()
  const found = app === undefined || app === name ? host.flow(limit, 1) : []
  const limits = new Map<string, Answer<'circuit.list'>['limits'][number]>()
  for (const row of found.flatMap((one) => one.limits)) {
    if (row.rule.kind === 'circuit') {
      limits.set(row.limit, { limit: row.limit, app: name, rule: row.rule })
    }
  }
  const now = Date.now()
  const circuits = found.flatMap((one) => one.ledgers.flatMap((row) => circuitOf(row, name, now)))
  const seq = Math.max(0, ...found.map((one) => one.seq))
  const asOf = { [streamNames(topology).journal]: seq }
  return { instance, limits: [...limits.values()], circuits, asOf }
}

type Row = Answer<'circuit.list'>['circuits'][number]

function circuitOf(status: LedgerStatus, app: string, now: number): Row[] {
  const { ledger, limit, slot, rule, tenant = '', key = '', circuit, holders } = status
  if (!circuit) return []
  const [probe] = holders
  const where = { ledger, limit, app, slot, tenant, key, rule }
  return [
    {
      ...where,
      ...stateOf(circuit, now),
      window: windowOf(circuit, rule, now),
      ...(probe !== undefined && { probe }),
    },
  ]
}

function windowOf({ outcomes }: Circuit, rule: LedgerStatus['rule'], now: number) {
  const since = now - (rule.kind === 'circuit' ? rule.windowMs : 0)
  const counted = outcomes.filter(([begin]) => begin > since)
  return {
    succeeded: counted.reduce((sum, [, succeeded]) => sum + succeeded, 0),
    failed: counted.reduce((sum, [, , failed]) => sum + failed, 0),
  }
}

function stateOf({ state, row, since, until, held, manual }: Circuit, now: number) {
  const isTimed = state === 'open' && held !== true
  return {
    state: isTimed && until <= now ? ('half_open' as const) : state,
    failures: row,
    since,
    ...(isTimed && { until }),
    ...(manual && { manual }),
  }
}

/** Its home first, then every other partition: none is to wait for its next failure to know. */
export async function setCircuit(
  parts: HandlerParts,
  asked: Asked<'circuit.set'>,
): Promise<Answer<'circuit.set'>> {
  const { app, limit, key, tenant, dryRun, by, reason, forMs } = asked
  const { log, topology } = parts
  const { ledger, slot } = homeOf(parts, asked)
  if (dryRun) {
    const { journal } = streamNames(topology)
    const { lastSeq } = await log.info(journal)
    return { dryRun, ledger, slot, asOf: { [journal]: lastSeq } }
  }
  const id = randomUUID()
  const body: LetterBody = {
    kind: 'circuit',
    ledger,
    home: slot,
    tenant,
    key,
    do: asked.do,
    by,
    reason,
    ...(forMs !== undefined && { forMs }),
  }
  const answer = await ask(parts, slot, { id, body })
  if (answer.kind === 'refused')
    throw refused(answer.code, answer.reason, `${limit}:${key}`, 'waybill circuit ls')
  if (answer.kind !== 'circuit') throw refused('odd_answer', answer.kind)
  const others = Array.from({ length: topology.slots }, (_, at) => at).filter((at) => at !== slot)
  await Promise.all(others.map((at) => ask(parts, at, { id: `${id}-${at}`, body })))
  const asOf = await audit(parts, {
    kind: `circuit-${asked.do}`,
    id,
    app,
    by,
    reason,
    filter: { limit, key, tenant, ledger, ...(forMs !== undefined && { forMs }) },
    total: 1,
    done: 1,
    state: 'done',
  })
  const { state, until } = answer
  return { dryRun, ledger, slot, state, ...(until > 0 && { until }), asOf }
}

function homeOf(
  { host, topology }: HandlerParts,
  { limit, key, tenant }: Pick<Asked<'circuit.set'>, 'limit' | 'key' | 'tenant'>,
) {
  const known = host.flow(limit).flatMap((one) => one.limits)
  const rule = known.find((one) => one.limit === limit)?.rule
  if (rule?.kind !== 'circuit') throw notFound('circuit', limit, 'waybill circuit ls')
  const [owner = '', name = ''] = labelIn(limit).split('/')
  const scope = owner.startsWith('@') ? 'app' : 'binding'
  const placing = { hash: sha256, slots: topology.slots, binding: owner, tenant }
  return placeOf({ name, scope, rule }, key, placing)
}
