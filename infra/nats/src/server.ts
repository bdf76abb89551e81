import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  serverConfig,
  serverFiles,
  type ClusterOptions,
  type SyncMode,
  type WebsocketOptions,
} from './config.ts'
import { NatsServerError } from './error.ts'
import { identify } from './process-identity.ts'
import { isTaken, portsFiles, readInfo, readPorts, type Ports } from './readiness.ts'
import { lockStore } from './store-lock.ts'
import { isAtLeast } from './version.ts'
import { startWatchdog } from './watchdog.ts'

export interface NatsServerOptions {
  /** Path or name of the executable; default: `nats-server` on PATH. */
  readonly binary?: string
  /** Store, log, lock and configuration live here; made when missing. */
  readonly dir: string
  readonly port?: number | 'random'
  /** `always`: an acknowledged message survives a power cut. `default`: faster, and may not. */
  readonly sync: SyncMode
  readonly maxPayloadBytes?: number
  readonly websocket?: WebsocketOptions
  readonly cluster?: ClusterOptions
  /** A large store is recovered before the server listens. */
  readonly startMs?: number
}

export interface NatsServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly websocketUrl?: string
  /** Of a server in a cluster: what it says of itself over HTTP. */
  readonly monitoringUrl?: string
  readonly pid: number
  readonly dir: string
  readonly sync: SyncMode
  readonly version: string
  /** Resolves when the process has ended and the store is free again, whoever ended it. */
  readonly exited: Promise<NatsServerExit>
  /** SIGTERM, and SIGKILL for a server that does not heed it. */
  stop(): Promise<NatsServerExit>
  kill(signal: NodeJS.Signals): Promise<NatsServerExit>
  /** The end of the server's own log. */
  logTail(lines?: number): Promise<string>
}

export interface NatsServerExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** 2.12.7 fixes a security fault. */
const versionFloor = '2.12.7'
const limits = { startMs: 60_000, stopMs: 10_000, infoMs: 1_000, pollMs: 5 }
const mebibyte = 1024 * 1024

/**
 * Starts a private nats-server as a child process, with JetStream in `dir`. It dies with this
 * process, whatever that one dies of, and no second one starts on the same directory.
 */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  await mkdir(options.dir, { recursive: true })
  const dir = await realpath(options.dir)
  const lock = await lockStore(dir)
  const child = await launch(dir, options).catch(async (cause: unknown) => {
    await lock.release()
    throw cause
  })
  const exited = child.exited.then(async (how) => {
    await rm(serverFiles(dir).pid, { force: true })
    await lock.release()
    return how
  })
  try {
    const identity = await identify(child.pid)
    if (identity) await lock.guard(identity)
    const ready = await untilReady({ ...options, dir }, child)
    return handle({ ...options, dir }, { ...child, exited }, ready)
  } catch (cause) {
    await end({ ...child, exited }, 'SIGKILL')
    throw cause
  }
}

interface Child {
  readonly process: ChildProcess
  readonly pid: number
  readonly exited: Promise<NatsServerExit>
}

interface Ready {
  readonly ports: Ports
  readonly port: number
  readonly version: string
}

async function launch(dir: string, options: NatsServerOptions): Promise<Child> {
  const files = serverFiles(dir)
  const stale = [...(await portsFiles(dir)).map((file) => join(dir, file)), files.pid]
  for (const file of stale) await rm(file, { force: true })
  const { port = 'random', sync, websocket, cluster, maxPayloadBytes = 8 * mebibyte } = options
  const name = serverName(dir, cluster)
  const config = { name, dir, port, sync, maxPayloadBytes, websocket, cluster }
  await writeFile(files.config, serverConfig(config))

  const watchdog = startWatchdog(files.pid)
  const binary = options.binary ?? 'nats-server'
  // Its own session: a Ctrl-C must not end the server before those who still write to it.
  const server = spawn(binary, ['-c', files.config], { stdio: 'ignore', detached: true })
  const exited = new Promise<NatsServerExit>((resolve) => {
    server.once('exit', (code, signal) => {
      watchdog.dismiss()
      resolve({ code, signal })
    })
  })
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      watchdog.dismiss()
      reject(binaryMissing(binary, cause))
    })
    server.once('spawn', () => {
      // A process was spawned, so it has a pid.
      const pid = server.pid as number
      watchdog.watch(pid)
      server.unref()
      resolve({ process: server, pid, exited })
    })
  })
}

async function untilReady(options: NatsServerOptions, child: Child): Promise<Ready> {
  const startMs = options.startMs ?? limits.startMs
  const deadline = Date.now() + startMs
  let exit: NatsServerExit | undefined
  void child.exited.then((how) => (exit = how))
  while (Date.now() < deadline) {
    if (exit) throw await startFailed(options, exit)
    const ready = await look(options, child.pid)
    if (ready) return checkVersion(ready, options)
    await delay(limits.pollMs)
  }
  throw new NatsServerError({
    code: 'nats.start-timed-out',
    what: 'the embedded nats-server did not become ready',
    where: options.dir,
    why: `nobody answered within ${startMs} ms. Its log ends: ${await tail(options.dir, 5)}`,
    next: 'look at nats.log there; a large store may need a longer startMs',
  })
}

/** Ready when the ports are known and *this* server answers on its own: a fixed port may be another's. */
async function look({ dir, cluster }: NatsServerOptions, pid: number): Promise<Ready | undefined> {
  const ports = await readPorts(dir, pid)
  if (!ports?.nats[0]) return undefined
  const port = Number(new URL(ports.nats[0]).port)
  const info = await readInfo(port, limits.infoMs)
  if (!info?.jetstream || info.server_name !== serverName(dir, cluster)) return undefined
  return { ports, port, version: info.version }
}

function checkVersion(ready: Ready, options: NatsServerOptions): Ready {
  if (isAtLeast(ready.version, versionFloor)) return ready
  throw new NatsServerError({
    code: 'nats.server-too-old',
    what: `nats-server ${ready.version} is too old`,
    where: options.binary ?? 'nats-server on PATH',
    why: `needed is ${versionFloor} or newer`,
    next: 'install a newer one, or name one with NATS_SERVER',
  })
}

function handle(options: NatsServerOptions, child: Child, ready: Ready): NatsServer {
  const kill = (signal: NodeJS.Signals) => end(child, signal)
  const stop = async () => {
    const patience = AbortSignal.timeout(limits.stopMs)
    patience.addEventListener('abort', () => void kill('SIGKILL'), { once: true })
    return kill('SIGTERM')
  }
  const websocketUrl = ready.ports.websocket?.[0]
  const monitoringUrl = ready.ports.monitoring?.[0]
  return {
    url: `nats://127.0.0.1:${ready.port}`,
    port: ready.port,
    ...(websocketUrl === undefined ? {} : { websocketUrl }),
    ...(monitoringUrl === undefined ? {} : { monitoringUrl }),
    pid: child.pid,
    dir: options.dir,
    sync: options.sync,
    version: ready.version,
    exited: child.exited,
    stop,
    kill,
    logTail: (lines = 40) => tail(options.dir, lines),
    [Symbol.asyncDispose]: async () => void (await stop()),
  }
}

/** Running, the child does not keep this process alive; ending it is worth waiting for. */
function end(child: Child, signal: NodeJS.Signals): Promise<NatsServerExit> {
  child.process.ref()
  child.process.kill(signal)
  return child.exited
}

async function startFailed(options: NatsServerOptions, exit: NatsServerExit): Promise<Error> {
  const { port } = options
  const taken = typeof port === 'number' && (await isTaken(port))
  return new NatsServerError({
    code: taken ? 'nats.port-taken' : 'nats.start-failed',
    what: 'the embedded nats-server ended before it was ready',
    where: taken ? `127.0.0.1:${port}` : options.dir,
    why: taken
      ? 'another process listens on that port'
      : `it ended with ${exit.signal ?? `code ${exit.code}`}. Its log ends: ${await tail(options.dir, 5)}`,
    next: taken ? 'stop the other one, or choose another port' : 'look at nats.log there',
  })
}

function binaryMissing(binary: string, cause: Error): NatsServerError {
  return new NatsServerError(
    {
      code: 'nats.binary-missing',
      what: 'nats-server could not be started',
      where: binary,
      why: cause.message,
      next: 'install nats-server 2.12.7 or newer, or name one with NATS_SERVER',
    },
    { cause },
  )
}

/** One name per directory, the same at every start: it tells our server from another on its port. */
function serverName(dir: string, cluster: ClusterOptions | undefined): string {
  if (cluster) return cluster.server
  return `waybill-${createHash('sha256').update(dir).digest('hex').slice(0, 12)}`
}

async function tail(dir: string, lines: number): Promise<string> {
  const text = await readFile(serverFiles(dir).log, 'utf8').catch(() => '(no log)')
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}
