import { type Handlers, invalid, refused, serveEndpoints, unavailable } from '@waybill/api'
import type { HostedEventType } from '@waybill/core'
import {
  createSender,
  type EventLog,
  openJetStreamLog,
  settleTopology,
  type Sender,
  sha256,
  streamNames,
  type Topology,
} from '@waybill/log'
import { loadApp } from '@waybill/sdk'
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
import type { IngressConfig } from './config.ts'
import { createDoor, type Door } from './door.ts'
import { traceparentOf } from './headers.ts'
import { createHttp } from './http.ts'
import { writeProbe } from './probe.ts'
import { isRefusal, type Refusal } from './refusal.ts'

type Connection = Awaited<ReturnType<typeof connectNats>>

export interface RunningIngress {
  /** `http://127.0.0.1:8080` */
  readonly url: string
}

const service = 'ingress'
const version = '0.1.0'

/** Opens what takes events in. Returns once it does; the scope ends it. */
export async function run(scope: Scope, config: IngressConfig): Promise<RunningIngress> {
  const { instance } = config
  const metrics = createMetrics()
  await scope.use(watchProcess(metrics))
  const types = await eventTypes(config.apps)
  const nc = await connectNats(scope, config, { name: `waybill-${service}-${instance}` })
  const topology = await topologyOf(nc, config)
  const log = await scope.use(openJetStreamLog({ nc, topology, hash: sha256 }))
  const sender = await openSender(scope, log, metrics)
  const door = openDoor(config, { sender, topology, types, metrics })
  const probes = [writeProbe({ log, topology, door, now: Date.now })]
  const health = createHealth({ service, instance, version, probes, stopping: scope.signal })
  const url = await openHttp(scope, config, { door, health, metrics })
  await openApi(scope, nc, config, { door, health, topology })
  scope.log.info({ service, url, endpoints: config.endpoints.length, topology }, 'taking events in')
  warnIfOpen(scope, config)
  return { url }
}

function warnIfOpen({ log }: Scope, { httpHost, eventsTokens }: IngressConfig): void {
  if (eventsTokens.length > 0 || ['127.0.0.1', '::1', 'localhost'].includes(httpHost)) return
  log.warn({ httpHost }, 'POST /events takes events from everybody: set WAYBILL_EVENTS_TOKENS')
}

async function eventTypes(apps: readonly string[]): Promise<readonly HostedEventType[]> {
  const loaded = await Promise.all(apps.map((path) => loadApp(path)))
  return loaded.flatMap((app) => app.events)
}

async function topologyOf(nc: Connection, config: IngressConfig): Promise<Topology> {
  const found = await settleTopology(nc, config)
  if (found !== undefined) return found
  throw new ServiceError({
    code: 'WB2101',
    what: 'there are no streams to store events in',
    where: `prefix ${config.prefix}`,
    next: 'waybill topology apply',
    exitCode: exitCodes.config,
  })
}

/**
 * Closed after the doors are: nobody waits any more for what is still queued, whoever sent it was
 * told to send it again, so it is given up at once.
 */
async function openSender(scope: Scope, log: EventLog, metrics: Metrics): Promise<Sender> {
  const abandoned = new AbortController()
  const sender = createSender({ log, signal: abandoned.signal })
  metrics.gauge(
    'waybill_ingress_queued_events',
    'Events that wait to be stored',
    () => sender.queued.items,
  )
  metrics.gauge('waybill_ingress_queued_bytes', 'Their bytes', () => sender.queued.bytes)
  const close = async () => {
    abandoned.abort()
    await sender.close()
  }
  await scope.use({ [Symbol.asyncDispose]: close }, 'sender')
  return sender
}

function openDoor(
  { eventBytesMax, ackWithinMs }: IngressConfig,
  parts: {
    sender: Sender
    topology: Topology
    types: readonly HostedEventType[]
    metrics: Metrics
  },
): Door {
  const { metrics, ...rest } = parts
  const events = metrics.counter('waybill_ingress_events_total', 'Events by way in and outcome')
  const bounds = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
  const took = metrics.histogram('waybill_ingress_store_seconds', 'Until the log answered', bounds)
  return createDoor({
    ...rest,
    hash: sha256,
    now: Date.now,
    eventBytesMax,
    ackWithinMs,
    onStored({ via, outcome, ms }) {
      events.add({ via, outcome })
      took.observe(ms / 1000)
    },
  })
}

async function openHttp(
  scope: Scope,
  config: IngressConfig,
  parts: { door: Door; health: Health; metrics: Metrics },
): Promise<string> {
  const { httpHost: host, httpPort, opsPort } = config
  const { log, signal: stopping } = scope
  if (opsPort !== undefined) await scope.use(openOpsServer(parts, { host, port: opsPort }), 'ops')
  const ops = opsPort === undefined ? parts : undefined
  const app = createHttp({ ...config, ...parts, log: log.child({ service }), stopping, ops })
  // Half of the time to stop: the log and the connection want some of it too.
  const drainMs = Math.ceil(config.drainMs / 2)
  const server = openHttpServer(app, { ...config, host, port: httpPort, drainMs })
  const { port } = await scope.use(server, 'http')
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

async function openApi(
  scope: Scope,
  nc: Connection,
  { instance, prefix }: IngressConfig,
  { door, health, topology }: { door: Door; health: Health; topology: Topology },
): Promise<void> {
  const { events } = streamNames(topology)
  const handlers: Partial<Handlers> = {
    async 'event.send'({ event }, { traceparent }) {
      const draft = { ...event, traceparent: traceparentOf(event.traceparent ?? traceparent) }
      const prepared = door.prepare(draft, { via: 'nats' })
      const stored = isRefusal(prepared) ? prepared : await door.store(prepared)
      if (isRefusal(stored)) throw errorOf(stored)
      const { id, duplicate, seq } = stored
      return { id, duplicate, asOf: { [events]: seq } }
    },
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

function errorOf({ refused: kind, reason, retryAfterMs }: Refusal): Error {
  switch (kind) {
    case 'unavailable':
      return unavailable(reason, retryAfterMs === undefined ? {} : { retryAfterMs })
    case 'unauthorized':
      return refused(kind, reason)
    case 'malformed':
    case 'too_large':
    case 'unsupported':
    case 'unprocessable':
      return invalid(reason, 'event')
    default:
      return kind satisfies never
  }
}
