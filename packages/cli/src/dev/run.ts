import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { dashboardConfig, run as runDashboard } from '@waybill/dashboard'
import { dispatcherConfig, run as runDispatcher } from '@waybill/dispatcher'
import { deployApp, type Deployed } from '@waybill/engine'
import { ingressConfig, run as runIngress } from '@waybill/ingress'
import {
  applyTopology,
  embeddedTopology,
  openJetStreamLog,
  readTopology,
  sha256,
  type EventLog,
  type Topology,
} from '@waybill/log'
import { startNatsServer, type NatsServer } from '@waybill/nats'
import { projectorConfig, run as runProjector } from '@waybill/projector'
import { loadApp, type App } from '@waybill/sdk'
import { connectNats, natsSettings, parseConfig, type Scope } from '@waybill/service'
import { z } from 'zod'
import { operator } from '../operator.ts'
import { announce, checkFolder } from './folder.ts'
import type { DevOptions } from './options.ts'
import { checkPort, portOrAny } from './port.ts'
import { devSecret } from './secret.ts'

type Nats = Awaited<ReturnType<typeof connectNats>>

export interface RunningDev {
  readonly app: App
  readonly server: NatsServer
  readonly nc: Nats
  readonly prefix: string
  readonly log: EventLog
  readonly topology: Topology
  readonly deployed: Deployed
  /** Of the ingress: `http://127.0.0.1:8080`. */
  readonly http: string
  /** Of the dashboard: `http://127.0.0.1:8081`. */
  readonly dashboard: string
  /** That webhooks are signed with. */
  readonly secret: string
  readonly folder: string
}

/**
 * Everything in one process, with an embedded server: what `npm start` runs. Begun in this order
 * and ended in the other one: the door closes first, the server last.
 */
export async function runDev(scope: Scope, options: DevOptions): Promise<RunningDev> {
  const { prefix, port } = options
  const folder = await checkFolder(options.data)
  await checkPort(port, '--port')
  const dashboardPort = await chooseDashboardPort(options)
  await mkdir(folder, { recursive: true })
  const [server, app, secret] = await Promise.all([
    startServer(scope, folder, options),
    loadApp(options.app),
    devSecret(folder),
  ])
  const common = { natsServers: [server.url], instance: 'dev', prefix }
  const nc = await connectNats(
    scope,
    parseConfig(natsConfig, {}, { overrides: { natsServers: [server.url] } }),
    {
      name: 'waybill-dev',
    },
  )
  const topology = await prepareStreams(nc, prefix)
  const log = await scope.use(openJetStreamLog({ nc, topology, hash: sha256 }), 'log')
  const deployed = await deployApp(log, topology, app, { by: operator() })
  const module = app.module ?? options.app
  await startProjector(scope, { ...common, data: join(folder, 'projector') })
  await startDispatcher(scope, { ...common, app: module, data: join(folder, 'dispatcher') })
  const http = await startIngress(scope, { ...common, httpPort: port, apps: [module] }, secret)
  const dashboard = await startDashboard(scope, { ...common, httpPort: dashboardPort })
  const { url, sync } = server
  const startedAt = Date.now()
  const file = {
    v: 1,
    pid: process.pid,
    app: app.name,
    module,
    url,
    http,
    dashboard,
    prefix,
    sync,
    startedAt,
  } as const
  await scope.use(announce(folder, file), 'dev.json')
  return { app, server, nc, prefix, log, topology, deployed, http, dashboard, secret, folder }
}

const natsConfig = z.object(natsSettings)

function startServer(
  scope: Scope,
  folder: string,
  { sync, natsPort }: DevOptions,
): Promise<NatsServer> {
  const binary = process.env['NATS_SERVER']
  return scope.use(
    startNatsServer({
      dir: join(folder, 'nats'),
      sync,
      port: natsPort ?? 'random',
      ...(binary === undefined ? {} : { binary }),
    }),
    'nats-server',
  )
}

/** A store that was made with other slots keeps them: a generation never changes its number. */
async function prepareStreams(nc: Nats, prefix: string): Promise<Topology> {
  const topology = (await readTopology(nc, prefix)) ?? { ...embeddedTopology, prefix }
  await applyTopology(nc, topology)
  return topology
}

type Settings = Readonly<Record<string, unknown>>

async function startProjector(scope: Scope, overrides: Settings): Promise<void> {
  await runProjector(scope, parseConfig(projectorConfig, {}, { overrides }))
}

async function startDispatcher(scope: Scope, overrides: Settings): Promise<void> {
  await runDispatcher(scope, parseConfig(dispatcherConfig, {}, { overrides }))
}

async function chooseDashboardPort({ dashboardPort }: DevOptions): Promise<number> {
  if (dashboardPort === undefined) return portOrAny(8081)
  await checkPort(dashboardPort, '--dashboard-port')
  return dashboardPort
}

async function startDashboard(scope: Scope, settings: Settings): Promise<string> {
  const overrides = { ...settings, user: operator() }
  const { url } = await runDashboard(scope, parseConfig(dashboardConfig, {}, { overrides }))
  return url
}

async function startIngress(scope: Scope, settings: Settings, secret: string): Promise<string> {
  const endpoints = [{ name: 'github', verifier: 'github', secrets: [secret] }]
  const overrides = { ...settings, endpoints }
  const { url } = await runIngress(scope, parseConfig(ingressConfig, {}, { overrides }))
  return url
}
