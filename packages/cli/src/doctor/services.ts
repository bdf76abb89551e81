import type { PartitionRow, ResponseOf } from '@waybill/api'
import type { Topology } from '@waybill/log'
import type { Connection } from '../connection.ts'
import { count } from '../text.ts'
import { fail, ok, warn, type Check } from './check.ts'

type Api = Connection['api']

/** Undefined: nobody answers, which is a finding of its own. */
async function asked<T>(answers: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await answers
  } catch (cause) {
    if (cause instanceof Error && 'kind' in cause && cause.kind === 'unavailable') return []
    throw cause
  }
}

const wanted = ['ingress', 'dispatcher', 'projector'] as const

export async function checkServices(api: Api): Promise<readonly Check[]> {
  const found = await asked(api.callEach('service.health', {}))
  return wanted.flatMap((name) => {
    const instances = found.filter(({ service }) => service === name)
    if (instances.length === 0) return [warn(name, 'none is running', `waybill ${name}`)]
    return instances.map((one) => healthOf(name, one))
  })
}

function healthOf(name: string, health: ResponseOf<'service.health'>): Check {
  const broken = health.checks.filter(({ ok: fine }) => !fine)
  const who = `${health.instance} (${health.version})`
  if (health.ready && broken.length === 0) return ok(name, who)
  const why = broken.map((one) => `${one.name}: ${one.why ?? 'not ok'}`).join(', ')
  return fail(name, `${who} is not ready: ${why}`, `look at the log of ${health.instance}`)
}

/** Every partition of every app should have one who leads it. */
export async function checkPartitions(
  api: Api,
  { slots }: Topology,
  apps: readonly string[],
): Promise<readonly Check[]> {
  if (apps.length === 0) return [warn('apps', 'none is deployed', 'waybill deploy --app <module>')]
  const found = await asked(api.callEach('partition.status', {}))
  const rows = found.flatMap(({ partitions }) => partitions)
  return apps.flatMap((app) => {
    const mine = rows.filter(({ partition }) => partition.app === app)
    return [leadersOf(app, slots, mine), ...mine.filter(isStuck).map(stuck)]
  })
}

function leadersOf(app: string, slots: number, rows: readonly PartitionRow[]): Check {
  const led = new Set(
    rows.filter(({ state }) => state === 'leading').map((row) => row.partition.slot),
  )
  const owners = new Set(rows.map(({ owner }) => owner))
  const open = rows.reduce((total, row) => total + row.open, 0)
  const what = `${led.size} of ${count(slots, 'partition')} led by ${[...owners].join(', ') || 'nobody'}, ${open} open`
  if (led.size === slots) return ok(`app ${app}`, what)
  const next =
    led.size === 0
      ? `waybill dispatcher --app <module of ${app}>`
      : 'wait for the leases (20 s), then look again'
  return led.size === 0 ? fail(`app ${app}`, what, next) : warn(`app ${app}`, what, next)
}

const isStuck = ({ state }: PartitionRow): boolean => state === 'halted'

function stuck({ partition, halted, owner }: PartitionRow): Check {
  const name = `partition ${partition.app}/${partition.slot}`
  const why = halted ? `${halted.code} ${halted.why}` : 'it does not say why'
  return fail(name, `halted at ${owner}: ${why}`, halted?.next ?? 'waybill verify')
}

export async function checkProjections(api: Api): Promise<readonly Check[]> {
  const found = await asked(api.callEach('projection.status', {}))
  return found.map(({ instance, rebuilding, projections }) => {
    const behind = projections.reduce(
      (most, { applied, head }) => Math.max(most, head - applied),
      0,
    )
    const what = `${instance}, ${count(Math.max(0, behind), 'message')} behind`
    if (rebuilding) return warn('projection', `${instance} is rebuilding`, 'waybill projection ls')
    return behind > behindMax
      ? warn('projection', what, 'waybill projection ls')
      : ok('projection', what)
  })
}

/** A moment's worth of bundles under load. */
const behindMax = 100
