import { readFileSync } from 'node:fs'
import {
  AuthorizationError,
  connect,
  credsAuthenticator,
  type NatsConnection,
  type NodeConnectionOptions,
  PermissionViolationError,
  type Status,
  UserAuthenticationExpiredError,
} from '@nats-io/transport-node'
import { exitCodes, ServiceError } from './fault.ts'
import type { Scope } from './lifecycle.ts'
import type { NatsSettings } from './settings.ts'

export interface ConnectOptions {
  /** Shown by the server's monitoring: `waybill-ingress-a1`. */
  readonly name: string
  /** Messages of this size must fit. */
  readonly payloadBytesMin?: number
  /** Whoever only asks may be told no; whoever writes must not go on after it. */
  readonly onPermissionViolation?: 'fail' | 'log'
}

/** A security fix: older ones let any user with a grant on `$JS.>` purge other accounts. */
const serverVersionMin = '2.12.7'

/**
 * Connects, keeps connected for ever, and drains when the scope ends. Throws a `ServiceError`
 * when the server is not there in time, refuses us, or is not fit.
 */
export async function connectNats(
  scope: Scope,
  settings: NatsSettings,
  options: ConnectOptions,
): Promise<NatsConnection> {
  const nc = await dial(scope, settings, connectionOptions(settings, options.name))
  await scope.use({ [Symbol.asyncDispose]: () => drain(nc) }, 'nats')
  checkServer(nc, settings, options.payloadBytesMin ?? 1024 * 1024)
  scope.run('nats status', async (signal) => {
    // The iterator ends with the connection, which outlives this task by one step only.
    for await (const status of untilAborted(nc.status(), signal)) watch(scope, status, options)
  })
  void nc.closed().then((cause) => {
    if (!scope.signal.aborted) scope.fail(closedByServer(settings, cause))
  })
  return nc
}

function connectionOptions(settings: NatsSettings, name: string): NodeConnectionOptions {
  const { natsCreds, natsUser, natsPassword, natsInboxPrefix } = settings
  const { natsTlsCa: caFile, natsTlsCert: certFile, natsTlsKey: keyFile } = settings
  const tls = {
    ...(caFile && { caFile }),
    ...(certFile && { certFile }),
    ...(keyFile && { keyFile }),
  }
  return {
    servers: settings.natsServers,
    name,
    timeout: 2000,
    // The client gives up after ten attempts unless told otherwise; a dispatcher never should.
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => 100 + Math.random() * 400,
    // A server that hangs shows only by unanswered pings. It is left for another after 6 s at most,
    // by when a cluster has found another leader too; at 5 s each it took up to 15.
    pingInterval: 2000,
    maxPingOut: 2,
    ...(natsCreds && { authenticator: credsAuthenticator(readCreds(natsCreds)) }),
    ...(natsUser && { user: natsUser }),
    ...(natsPassword && { pass: natsPassword }),
    ...(natsInboxPrefix && { inboxPrefix: natsInboxPrefix }),
    ...(Object.keys(tls).length > 0 && { tls }),
  }
}

/** Tries until `natsConnectWithinMs` is over; a server that refuses us is not asked again. */
async function dial(
  scope: Scope,
  settings: NatsSettings,
  options: NodeConnectionOptions,
): Promise<NatsConnection> {
  const until = performance.now() + settings.natsConnectWithinMs
  for (;;) {
    try {
      return await connect(options)
    } catch (cause) {
      if (isRefusal(cause)) throw notAllowed(settings, cause)
      if (scope.signal.aborted || performance.now() >= until) throw notThere(settings, cause)
      scope.log.warn({ servers: whereOf(settings) }, 'NATS does not answer yet')
    }
    await pause(Math.min(500, Math.max(0, until - performance.now())), scope.signal)
  }
}

function checkServer(nc: NatsConnection, settings: NatsSettings, payloadBytesMin: number): void {
  const { version = '0.0.0', max_payload: payload = 0, jetstream } = nc.info ?? {}
  if (compareVersions(version, serverVersionMin) < 0) {
    throw unfit(settings, `it is nats-server ${version}`, `run ${serverVersionMin} or newer`)
  }
  if (jetstream !== true) {
    throw unfit(settings, 'JetStream is off', 'start it with -js, or jetstream {} in its config')
  }
  if (payload < payloadBytesMin) {
    const next = `set max_payload: ${payloadBytesMin} or more`
    throw unfit(settings, `its max_payload is ${payload} bytes`, next)
  }
}

function watch(scope: Scope, status: Status, options: ConnectOptions): void {
  const { log } = scope
  switch (status.type) {
    case 'error':
      return onError(scope, status.error, options)
    case 'disconnect':
    case 'staleConnection':
    case 'slowConsumer':
      log.warn({ status: status.type }, 'NATS connection')
      return
    case 'reconnect':
    case 'ldm':
      log.info({ status: status.type, server: status.server }, 'NATS connection')
      return
    case 'reconnecting':
    case 'forceReconnect':
    case 'update':
    case 'ping':
    case 'close':
      return
    default:
      return status satisfies never
  }
}

/**
 * A publish that is denied shows here and nowhere else: whoever sent it believes it is on its way.
 */
function onError(scope: Scope, error: Error, options: ConnectOptions): void {
  if (!(error instanceof PermissionViolationError)) {
    scope.log.error({ err: error }, 'NATS reports an error')
    return
  }
  const { operation, subject } = error
  scope.log.error({ operation, subject }, 'NATS permission violation')
  if (options.onPermissionViolation === 'log') return
  const fault = {
    code: 'WB1114',
    what: 'NATS does not permit what this service must do',
    where: `${operation} ${subject}`,
    next: 'compare the permissions of its user with those in infra/nats',
    exitCode: exitCodes.config,
  }
  scope.fail(new ServiceError(fault, { cause: error }))
}

async function drain(nc: NatsConnection): Promise<void> {
  if (nc.isClosed()) return
  await nc.drain()
}

async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const aborted = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  const iterator = source[Symbol.asyncIterator]()
  for (;;) {
    const taken = await Promise.race([iterator.next(), aborted])
    if (taken === undefined || taken.done) return
    yield taken.value
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split(/[.-]/).slice(0, 3).map(Number))
  for (let at = 0; at < 3; at++) {
    const step = (left?.[at] || 0) - (right?.[at] || 0)
    if (step !== 0) return step
  }
  return 0
}

const isRefusal = (cause: unknown): boolean =>
  cause instanceof AuthorizationError || cause instanceof UserAuthenticationExpiredError

function readCreds(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (cause) {
    const fault = { code: 'WB1110', what: 'the NATS credentials cannot be read', where: path }
    throw new ServiceError({ ...fault, exitCode: exitCodes.config }, { cause })
  }
}

/** Addresses may hold `user:password@`. */
const whereOf = ({ natsServers }: NatsSettings): string =>
  natsServers.map((server) => server.replace(/\/\/[^@/]*@/, '//')).join(', ')

const notThere = (settings: NatsSettings, cause: unknown): ServiceError =>
  new ServiceError(
    {
      code: 'WB1111',
      what: 'NATS cannot be reached',
      where: whereOf(settings),
      why: `no answer within ${settings.natsConnectWithinMs} ms`,
      next: 'start nats-server, or set WAYBILL_NATS_SERVERS',
      exitCode: exitCodes.unavailable,
    },
    { cause },
  )

const notAllowed = (settings: NatsSettings, cause: unknown): ServiceError =>
  new ServiceError(
    {
      code: 'WB1112',
      what: 'NATS refuses these credentials',
      where: whereOf(settings),
      next: 'set WAYBILL_NATS_CREDS, or WAYBILL_NATS_USER and WAYBILL_NATS_PASSWORD',
      exitCode: exitCodes.config,
    },
    { cause },
  )

const unfit = (settings: NatsSettings, why: string, next: string): ServiceError =>
  new ServiceError({
    code: 'WB1113',
    what: 'this NATS server is not fit for Waybill',
    where: whereOf(settings),
    why,
    next,
    exitCode: exitCodes.config,
  })

const closedByServer = (settings: NatsSettings, cause: Error | void): ServiceError =>
  new ServiceError(
    {
      code: 'WB1115',
      what: 'the NATS connection is closed for good',
      where: whereOf(settings),
      exitCode: exitCodes.unavailable,
    },
    { cause },
  )
