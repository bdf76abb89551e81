import { fileURLToPath } from 'node:url'
import { type ApiClient, createApiClient, serveEndpoints } from '@waybill/api'
import { readTopology, type Topology } from '@waybill/log'
import { pageFolder } from '@waybill/page'
import {
  connectNats,
  createHealth,
  createMetrics,
  exitCodes,
  type Health,
  type Metrics,
  openHttpServer,
  openOpsServer,
  type Scope,
  ServiceError,
  watchProcess,
} from '@waybill/service'
import type { DashboardConfig } from './config.ts'
import { isLoopback } from './guard.ts'
import { createHttp } from './http.ts'
import { type Feed, openFeed } from './live/feed.ts'
import { createWatches } from './live/watch.ts'

type Connection = Awaited<ReturnType<typeof connectNats>>

export interface RunningDashboard {
  /** `http://127.0.0.1:8081` */
  readonly url: string
}

const service = 'dashboard'
const version = '0.1.0'

/** The contract over HTTP, what happens as it happens, and the page. Returns once it answers. */
export async function run(scope: Scope, config: DashboardConfig): Promise<RunningDashboard> {
  const { instance, prefix, opsPort, httpHost: host } = config
  checkAccess(config)
  const metrics = createMetrics()
  await scope.use(watchProcess(metrics))
  const nc = await connectNats(scope, config, { name: `waybill-${service}-${instance}` })
  const topology = await topologyOf(nc, prefix)
  const client = createApiClient(nc, { prefix, timeoutMs: config.answerWithinMs })
  const log = scope.log.child({ service })
  const feed = await openFeed(scope, { nc, client, topology, log })
  const probes = [{ name: 'nats', probe: () => nc.flush() }]
  const health = createHealth({ service, instance, version, probes, stopping: scope.signal })
  if (opsPort !== undefined) {
    await scope.use(openOpsServer({ health, metrics }, { host, port: opsPort }), 'ops')
  }
  const url = await openHttp(scope, config, { client, feed, metrics })
  await openApi(scope, nc, config, health)
  scope.log.info({ service, url, topology }, 'showing what happens')
  return { url }
}

/** Whoever reaches the port may do everything, so only this machine may reach it. */
function checkAccess({ httpHost, tokens }: DashboardConfig): void {
  if (tokens.length > 0 || isLoopback(httpHost)) return
  throw new ServiceError({
    code: 'WB6101',
    what: 'the dashboard would be open to everybody',
    where: httpHost,
    why: 'it listens beyond this machine, and nobody has to sign in',
    next: 'set WAYBILL_DASHBOARD_TOKENS_FILE, or listen on 127.0.0.1',
    exitCode: exitCodes.config,
  })
}

async function topologyOf(nc: Connection, prefix: string): Promise<Topology> {
  const found = await readTopology(nc, prefix)
  if (found !== undefined) return found
  throw new ServiceError({
    code: 'WB6102',
    what: 'there is nothing to show',
    where: `prefix ${prefix}`,
    why: 'there are no streams',
    next: 'waybill topology apply',
    exitCode: exitCodes.config,
  })
}

async function openHttp(
  scope: Scope,
  config: DashboardConfig,
  { client, feed, metrics }: { client: ApiClient; feed: Feed; metrics: Metrics },
): Promise<string> {
  const { signal: stopping } = scope
  const { httpHost: host, httpPort: port, page = fileURLToPath(pageFolder) } = config
  const log = scope.log.child({ service })
  const watches = createWatches({
    feed,
    clientsMax: config.liveClientsMax,
    transitionsPerSecond: config.liveTransitionsPerSecond,
    bytesMax: config.liveBytesMax,
    log,
    stopping,
  })
  const app = createHttp({ config, version, client, watches, page, log, metrics, stopping })
  // Half of the time to stop: the connection wants some of it too.
  const drainMs = Math.ceil(config.drainMs / 2)
  const server = await scope.use(openHttpServer(app, { ...config, host, port, drainMs }), 'http')
  return `http://${host.includes(':') ? `[${host}]` : host}:${server.port}`
}

async function openApi(
  scope: Scope,
  nc: Connection,
  { instance, prefix }: DashboardConfig,
  health: Health,
): Promise<void> {
  const handlers = {
    async 'service.health'() {
      const report = await health.report()
      return { ...report, checks: [...report.checks], asOf: {} }
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
