import { serveEndpoints } from '@waybill/api'
import { encode, sharedApp, type Definition, type HostedApp } from '@waybill/core'
import { createHost, ledgersOnly, type Host, type HostLimits } from '@waybill/engine'
import {
  openJetStreamLog,
  openLeases,
  openSnapshots,
  settleTopology,
  sha256,
  streamNames,
  subjects,
  type EventLog,
  type Topology,
} from '@waybill/log'
import { loadApp } from '@waybill/sdk'
import {
  connectNats,
  createHealth,
  createMetrics,
  exitCodes,
  openOpsServer,
  ServiceError,
  watchProcess,
  type HealthProbe,
  type Metrics,
  type Scope,
} from '@waybill/service'
import { z } from 'zod'
import type { DispatcherConfig } from './config.ts'
import { createHandlers } from './handlers.ts'
import { lockInstance } from './instance-lock.ts'

type Connection = Awaited<ReturnType<typeof connectNats>>

export interface RunningDispatcher {
  readonly host: Host
}

const service = 'dispatcher'
const version = '0.1.0'
const MiB = 1024 * 1024

/** Hosts partitions of one app until the scope ends, and hands them over then. */
export async function run(scope: Scope, config: DispatcherConfig): Promise<RunningDispatcher> {
  const { instance } = config
  const app = await loadApp(config.app)
  await scope.use(lockInstance(config.data, instance), 'instance lock')
  const name = `waybill-${service}-${instance}`
  const nc = await connectNats(scope, config, { name, payloadBytesMin: 8 * MiB })
  const topology = await topologyOf(nc, config)
  const log = await scope.use(openJetStreamLog({ nc, topology, hash: sha256 }), 'log')
  const { host, shared } = await openHosts(scope, config, { nc, topology, log, app })
  const metrics = createMetrics()
  await scope.use(watchProcess(metrics), 'process watch')
  measure(metrics, host)
  const health = createHealth({
    service,
    instance,
    version,
    probes: [leadershipProbe(host), logProbe(log, topology)],
    stopping: scope.signal,
  })
  const { opsHost, opsPort } = config
  if (opsPort !== undefined) {
    await scope.use(openOpsServer({ health, metrics }, { host: opsHost, port: opsPort }), 'ops')
  }
  scope.run('host', (signal) => host.run(signal))
  if (shared) scope.run('shared ledgers', (signal) => shared.run(signal))
  const events = app.events.map(({ type, jsonSchema }) => ({ type, jsonSchema }))
  const onDefect = (endpoint: string, cause: Error): void =>
    scope.log.error({ err: cause, endpoint }, 'api defect')
  const api = await scope.use(
    serveEndpoints(
      nc,
      { service, instance, version, prefix: config.prefix, apps: [app.name], onDefect },
      createHandlers({ nc, host, shared, events, health, log, topology }, scope.signal),
    ),
    'api',
  )
  void api.stopped.then((cause) => {
    if (cause !== null && !scope.signal.aborted) scope.fail(cause)
  })
  scope.log.info({ service, app: app.name, instance, topology }, 'hosting partitions')
  return { host }
}

interface HostParts {
  readonly nc: Connection
  readonly topology: Topology
  readonly log: EventLog
  readonly app: HostedApp<AbortSignal>
}

async function openHosts(
  scope: Scope,
  config: DispatcherConfig,
  { nc, topology, log, app }: HostParts,
): Promise<{ host: Host; shared: Host | undefined }> {
  const common = {
    log,
    leases: await scope.use(openLeases({ nc, topology }), 'leases'),
    snapshots: await scope.use(openSnapshots({ nc, topology, hash: sha256 }), 'snapshots'),
    topology,
    instance: config.instance,
    locked: true,
    limits: limitsOf(config),
    reply: (to: string, _letter: string, body: unknown) => nc.publish(to, JSON.stringify(body)),
    serverNow: () => serverNow(nc, topology),
  }
  const loggerOf = (name: string) => scope.log.child({ service, app: name })
  const isolated = { loader: import.meta.resolve('@waybill/sdk'), execArgv: process.execArgv }
  const host = createHost({ ...common, app, logger: loggerOf(app.name), isolated })
  // Limits of scope global are every app's: whoever has one helps to lead their ledgers.
  const shared = app.definitions.some(hasGlobalLimit)
    ? createHost({ ...common, app: ledgersOnly, logger: loggerOf(sharedApp) })
    : undefined
  return { host, shared }
}

const hasGlobalLimit = ({ flow }: Definition): boolean =>
  flow?.limits.some(({ scope }) => scope === 'global') ?? false

async function topologyOf(nc: Connection, config: DispatcherConfig): Promise<Topology> {
  const found = await settleTopology(nc, config)
  if (found !== undefined) return found
  throw new ServiceError({
    code: 'WB2302',
    what: 'there are no streams to read from',
    where: `prefix ${config.prefix}`,
    next: 'waybill topology apply',
    exitCode: exitCodes.config,
  })
}

const limitNames = [
  'leaseMs',
  'renewEveryMs',
  'hotMax',
  'uncommittedEntriesMax',
  'uncommittedBytesMax',
  'payloadBytesMax',
  'checkpointEntries',
  'checkpointEveryMs',
  'abortGraceMs',
] as const satisfies readonly (keyof HostLimits & keyof DispatcherConfig)[]

function limitsOf(config: DispatcherConfig): Partial<HostLimits> {
  const set = limitNames.filter((name) => config[name] !== undefined)
  const given = Object.fromEntries(set.map((name) => [name, config[name]]))
  // The scope ends everything after drainMs; the log wants some of that.
  return { ...given, drainGraceMs: Math.ceil(config.drainMs * 0.8) }
}

/** What the server's clock says: it dates its answers about streams. */
async function serverNow(nc: Connection, topology: Topology): Promise<number> {
  const { events } = streamNames(topology)
  const answer = await nc.request(`$JS.API.STREAM.INFO.${events}`, '', { timeout: 2000 })
  return Date.parse(dated.parse(answer.json()).ts)
}

const dated = z.object({ ts: z.string() })

function leadershipProbe(host: Host): HealthProbe {
  return {
    name: 'partitions',
    probe() {
      const halted = host.status().partitions.filter(({ state }) => state === 'halted')
      const [first] = halted
      if (first) throw new Error(`slot ${first.slot} is halted: ${first.halted}`)
    },
  }
}

function logProbe(log: EventLog, topology: Topology): HealthProbe {
  const subject = subjects(topology).op('probe')
  return {
    name: 'log',
    everyMs: 30_000,
    timeoutMs: 3000,
    // A full disk shows in no other way than by a write that is never acknowledged.
    async probe(signal) {
      await log.send(subject, encode({ v: 1, kind: 'probe' }), signal)
    },
  }
}

function measure(metrics: Metrics, host: Host): void {
  const { counters } = host
  for (const name of Object.keys(counters) as (keyof typeof counters)[]) {
    const unit = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    metrics.gauge(`waybill_dispatcher_${unit}`, 'Since the process began', () => counters[name])
  }
  const by = (read: (one: ReturnType<Host['status']>['partitions'][number]) => number) => () =>
    host
      .status()
      .partitions.map(
        (one) => [{ slot: String(one.slot) }, read(one)] as [{ slot: string }, number],
      )
  metrics.gauge(
    'waybill_partition_open',
    'Dispatches that have not ended',
    by((one) => one.open),
  )
  metrics.gauge(
    'waybill_partition_running',
    'Attempts under way',
    by((one) => one.hot),
  )
  metrics.gauge(
    'waybill_partition_epoch',
    'Epoch',
    by((one) => one.epoch),
  )
  metrics.gauge(
    'waybill_partition_uncommitted_entries',
    'Stepped and not in the log',
    by((one) => one.uncommitted),
  )
  metrics.gauge(
    'waybill_partition_committed_seq',
    'In the journal',
    by((one) => one.confirmed.seq),
  )
  metrics.gauge(
    'waybill_partition_lag_ms',
    'Age of what waits for room',
    by((one) => one.lagMs),
  )
}
