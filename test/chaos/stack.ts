import { connect } from '@nats-io/transport-node'
import { applyTopology, embeddedTopology } from '@waybill/log'
import { startNatsServer, type NatsServer } from '@waybill/nats'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  end,
  freePort,
  root,
  run,
  start,
  untilReady,
  type Surroundings,
  type Waybill,
} from '../demo/processes.ts'
import { leftover } from './leftovers.ts'

export const appFile = fileURLToPath(new URL('app.ts', import.meta.url))

/** A server, or several, and two ways to it: what is broken stands in the first only. */
export interface Backend extends AsyncDisposable {
  readonly services: string
  readonly direct: string
  readonly replicas?: 1 | 3
}

/** One process, and its successors under the same name. */
export interface Service {
  readonly name: string
  readonly pid: number
  kill(signal: NodeJS.Signals): void
  /** Resolves when it has ended, whoever ended it: with the signal that did. */
  ended(): Promise<NodeJS.Signals | null>
  /** Starts it again after its end, with settings of this start only. */
  begin(settings?: Readonly<Record<string, string>>): void
  ready(): Promise<void>
  /** Ends it for good and starts it again under its name; resolves when it is ready. */
  restart(): Promise<void>
}

export type Dispatcher = Service

export interface Stack extends AsyncDisposable {
  readonly ingress: string
  readonly services: { readonly ingress: Service; readonly projector: Service }
  readonly dispatchers: readonly Dispatcher[]
  /** For commands that are to get through whatever is broken. */
  readonly surroundings: Surroundings
  readonly effects: string
  readonly backend: Backend
}

export interface StackOptions {
  readonly leaseMs?: number
  /** Settings of all services. */
  readonly settings?: Readonly<Record<string, string>>
}

/** Server, topology, app, ingress, two dispatchers and the projector: each its own process. */
export async function startStack(
  dir: string,
  backend: Backend,
  { leaseMs = 3000, settings = {} }: StackOptions = {},
): Promise<Stack> {
  await using undo = new AsyncDisposableStack()
  undo.use(backend)
  const nc = await connect({ servers: backend.direct.split(',') })
  await applyTopology(nc, { ...embeddedTopology, replicas: backend.replicas ?? 1 })
  await nc.close()
  const effects = join(dir, 'effects.jsonl')
  const env = {
    ...process.env,
    CHAOS_EFFECTS: effects,
    // Half of a start is reading TypeScript; what was killed left nothing here, what ended did.
    NODE_COMPILE_CACHE: join(root, '.cache/compile'),
    WAYBILL_LOG_LEVEL: 'warn',
    WAYBILL_DISPATCHER_LEASE_MS: String(leaseMs),
    WAYBILL_DISPATCHER_RENEW_EVERY_MS: String(leaseMs / 4),
    ...settings,
  }
  const direct: Surroundings = { dir, env: { ...env, NATS_URL: backend.direct } }
  const services: Surroundings = { dir, env: { ...env, NATS_URL: backend.services } }
  const deployed = await run(direct, ['deploy', '--app', appFile])
  if (deployed.code !== 0) throw new Error(`deploy: ${deployed.stderr}`)
  const { ingress, url } = await openIngress(services)
  undo.use(ingress)
  const projector = undo.use(await openProjector(services, join(dir, 'p1')))
  const dispatchers = await Promise.all(['d1', 'd2'].map((name) => openDispatcher(services, name)))
  for (const one of dispatchers) undo.use(one)
  await ingress.ready()
  const rest = undo.move()
  return {
    ingress: url,
    services: { ingress, projector },
    dispatchers,
    surroundings: direct,
    effects,
    backend,
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

async function openIngress(services: Surroundings) {
  const port = await freePort()
  const args = ['ingress', '--port', String(port)]
  return { ingress: openService(services, 'ingress', args, port), url: localUrl(port) }
}

async function openProjector({ dir, env }: Surroundings, data: string) {
  const port = await freePort()
  const own = { dir, env: { ...env, WAYBILL_PROJECTOR_OPS_PORT: String(port) } }
  return openService(own, 'projector', ['projector', '--instance', 'p1', '--data', data], port)
}

async function openDispatcher({ dir, env }: Surroundings, name: string) {
  const data = join(dir, name)
  await mkdir(data, { recursive: true })
  const port = await freePort()
  const own = { dir, env: { ...env, WAYBILL_DISPATCHER_OPS_PORT: String(port) } }
  const args = ['dispatcher', '--app', appFile, '--instance', name, '--data', data]
  const dispatcher = openService(own, name, args, port)
  await dispatcher.ready()
  return dispatcher
}

/** @param port where it says whether it is ready */
function openService(
  { dir, env }: Surroundings,
  name: string,
  args: readonly string[],
  port: number,
): Service & AsyncDisposable {
  const begin = (settings: Readonly<Record<string, string>> = {}): Running => {
    const process = start({ dir, env: { ...env, ...settings } }, name, args)
    const guard = leftover(() => void process.child.kill('SIGKILL'))
    const ended = once(process.child, 'close').then(() => guard[Symbol.dispose]())
    return { process, ended }
  }
  let running = begin()
  const ready = () => untilReady(localUrl(port), running.process)
  return {
    name,
    get pid() {
      return pidOf(running.process)
    },
    kill: (signal) => void running.process.child.kill(signal),
    async ended() {
      await running.ended
      return running.process.child.signalCode
    },
    begin(settings) {
      running = begin(settings)
    },
    ready,
    async restart() {
      await end(running.process, 'SIGKILL')
      running = begin()
      await ready()
    },
    [Symbol.asyncDispose]: () => stop(running.process),
  }
}

interface Running {
  readonly process: Waybill
  readonly ended: Promise<void>
}

const localUrl = (port: number): string => `http://127.0.0.1:${port}`

/** One that was stopped would never see a SIGTERM; one that hangs has ten seconds. */
async function stop(service: Waybill): Promise<void> {
  service.child.kill('SIGCONT')
  const patience = setTimeout(() => service.child.kill('SIGKILL'), 10_000)
  await end(service, 'SIGTERM')
  clearTimeout(patience)
}

const pidOf = ({ child, name }: Waybill): number => {
  if (child.pid === undefined) throw new Error(`${name} has no process`)
  return child.pid
}

/** One server that can be ended and started again on its port and store. */
export interface Single extends Backend {
  readonly server: NatsServer
  start(): Promise<void>
}

export async function single(
  dir: string,
  options: { sync?: 'always' | 'default'; through?: (server: string) => string } = {},
): Promise<Single> {
  const binary = process.env['NATS_SERVER']
  const port = await freePort()
  const begin = () =>
    startNatsServer({
      dir,
      port,
      sync: options.sync ?? 'always',
      ...(binary === undefined ? {} : { binary }),
    })
  let server = await begin()
  return {
    get server() {
      return server
    },
    services: options.through?.(server.url) ?? server.url,
    direct: server.url,
    async start() {
      server = await begin()
    },
    [Symbol.asyncDispose]: async () => void (await server.stop()),
  }
}
