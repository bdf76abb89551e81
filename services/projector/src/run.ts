import { join } from 'node:path'
import { type Handlers, serveEndpoints } from '@waybill/api'
import {
  type EventLog,
  openJetStreamLog,
  settleTopology,
  sha256,
  subjects,
  type Topology,
} from '@waybill/log'
import {
  type FoldedBundle,
  type Halted,
  openProjector,
  openSqliteStore,
  type Projector,
  type RowStore,
} from '@waybill/projections'
import {
  connectNats,
  createHealth,
  createMetrics,
  exitCodes,
  type Health,
  type Metrics,
  openOpsServer,
  type Scope,
  ServiceError,
  watchProcess,
} from '@waybill/service'
import type { ProjectorConfig } from './config.ts'
import { createHandlers } from './handlers.ts'
import { createLive } from './live.ts'
import { watchFold } from './metrics.ts'
import { caughtUp, nothingHalted, statusOf } from './status.ts'

type Connection = Awaited<ReturnType<typeof connectNats>>

export interface RunningProjector {
  /** The file that holds its rows. */
  readonly file: string
  readonly projector: Projector
  readonly store: RowStore
}

const service = 'projector'
const version = '0.1.0'

/**
 * Follows the journal into the read store and answers questions from it. Returns once it answers;
 * it is ready when it has caught up with what was there when it began.
 */
export async function run(scope: Scope, config: ProjectorConfig): Promise<RunningProjector> {
  const { instance } = config
  const metrics = createMetrics()
  await scope.use(watchProcess(metrics))
  // Before anything is asked of anybody: a second projector on this file ends here.
  const file = join(config.data, `${instance}.db`)
  const store = await scope.use(openSqliteStore({ file }), 'read store')
  const nc = await connectNats(scope, config, { name: `waybill-${service}-${instance}` })
  const topology = await topologyOf(nc, config)
  const log = await scope.use(openJetStreamLog({ nc, topology, hash: sha256 }))
  const projector = await startProjector(scope, { nc, config, topology, log, store, metrics })
  const probes = [nothingHalted(projector), caughtUp(projector)]
  const health = createHealth({ service, instance, version, probes, stopping: scope.signal })
  const { opsPort: port, opsHost: host } = config
  if (port !== undefined) await scope.use(openOpsServer({ health, metrics }, { host, port }), 'ops')
  await openApi(scope, nc, config, { log, store, projector, health, topology })
  const { fromSeq, horizon } = projector
  scope.log.info({ service, file, fromSeq, horizon, topology }, 'following the journal')
  return { file, projector, store }
}

async function topologyOf(nc: Connection, config: ProjectorConfig): Promise<Topology> {
  const found = await settleTopology(nc, config)
  if (found !== undefined) return found
  throw new ServiceError({
    code: 'WB5101',
    what: 'there is no journal to follow',
    where: `prefix ${config.prefix}`,
    next: 'waybill topology apply',
    exitCode: exitCodes.config,
  })
}

interface Parts {
  readonly nc: Connection
  readonly config: ProjectorConfig
  readonly topology: Topology
  readonly log: EventLog
  readonly store: RowStore
  readonly metrics: Metrics
}

async function startProjector(scope: Scope, parts: Parts): Promise<Projector> {
  const { nc, config, topology, log, store, metrics } = parts
  const onHalted = ({ cause, ...where }: Halted) =>
    scope.log.error({ err: cause, ...where }, 'a partition is not folded any further')
  const observe = watchFold(metrics, { now: Date.now, projector: () => projector })
  let tell: (bundle: FoldedBundle) => void = () => undefined
  const projector = await openProjector({
    log,
    topology,
    store,
    onHalted,
    onFolded(folded) {
      for (const bundle of folded.bundles) tell(bundle)
      observe(folded)
    },
  })
  if (config.live) {
    tell = createLive({
      subjects: subjects(topology),
      publish: (subject, bytes) => nc.publish(subject, bytes),
      bytesMax: () => (nc.info?.max_payload ?? 1024 * 1024) - headroomBytes,
      horizon: projector.horizon,
    })
  }
  scope.run('fold', (signal) => projector.run(signal))
  return projector
}

/** For what a server counts as part of a message besides its body. */
const headroomBytes = 4096

async function openApi(
  scope: Scope,
  nc: Connection,
  { instance, prefix }: ProjectorConfig,
  parts: {
    log: EventLog
    store: RowStore
    projector: Projector
    health: Health
    topology: Topology
  },
): Promise<void> {
  const { log, store, projector, health, topology } = parts
  const asOf = () => ({ [projector.status().stream]: projector.status().applied })
  const handlers: Partial<Handlers> = {
    ...createHandlers({ store, log, topology, asOf }),
    async 'projection.status'() {
      const projections = statusOf(await projector.look())
      return { instance, rebuilding: false, projections, asOf: asOf() }
    },
    async 'service.health'() {
      const report = await health.report()
      return { ...report, checks: [...report.checks], asOf: asOf() }
    },
  }
  const onDefect = (name: string, cause: Error) =>
    scope.log.error({ err: cause, name }, 'api defect')
  const options = { service, instance, version, prefix, onDefect }
  const api = await scope.use(serveEndpoints(nc, options, handlers), 'api')
  void api.stopped.then((cause) => {
    if (cause !== null && !scope.signal.aborted) scope.fail(cause)
  })
}
