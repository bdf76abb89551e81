import { join } from 'node:path'

export type SyncMode = 'always' | 'default'

export interface WebsocketOptions {
  readonly port: number | 'random'
  /** Checked against the `Origin` of browsers only; it is no authorisation. */
  readonly allowedOrigins?: readonly string[]
}

/** One server of a cluster. */
export interface ClusterOptions {
  /** The cluster's, the same on all of its servers. */
  readonly name: string
  /** This server's; its replicas know it by this name, also where its store has been moved. */
  readonly server: string
  /** For the other servers. */
  readonly port: number
  /** Addresses of the other servers, `nats://127.0.0.1:6222`. */
  readonly routes: readonly string[]
}

export interface ServerFiles {
  readonly config: string
  readonly log: string
  readonly pid: string
}

export function serverFiles(dir: string): ServerFiles {
  return { config: join(dir, 'nats.conf'), log: join(dir, 'nats.log'), pid: join(dir, 'nats.pid') }
}

/** Loopback only: an embedded server has no users, so nobody else may reach it. */
export function serverConfig(options: {
  readonly name: string
  readonly dir: string
  readonly port: number | 'random'
  readonly sync: SyncMode
  readonly maxPayloadBytes: number
  readonly websocket?: WebsocketOptions | undefined
  readonly cluster?: ClusterOptions | undefined
}): string {
  const files = serverFiles(options.dir)
  // `sync_interval` defaults to two minutes: an acknowledged message is then not yet on the disk.
  const sync = options.sync === 'always' ? ', sync_interval: always' : ''
  return [
    `server_name: ${quote(options.name)}`,
    `listen: ${quote(loopback(options.port))}`,
    `ports_file_dir: ${quote(options.dir)}`,
    `pid_file: ${quote(files.pid)}`,
    `log_file: ${quote(files.log)}`,
    'logfile_size_limit: 16MB',
    'logfile_max_num: 3',
    `max_payload: ${options.maxPayloadBytes}`,
    `jetstream { store_dir: ${quote(options.dir)}${sync} }`,
    ...(options.websocket ? [websocketConfig(options.websocket)] : []),
    ...(options.cluster ? clusterConfig(options.cluster) : []),
    '',
  ].join('\n')
}

function websocketConfig({ port, allowedOrigins }: WebsocketOptions): string {
  const origins = allowedOrigins
    ? `, allowed_origins: [${allowedOrigins.map(quote).join(', ')}]`
    : ''
  return `websocket { listen: ${quote(loopback(port))}, no_tls: true${origins} }`
}

/**
 * The routes given are the only ones: what servers tell each other leads to a port where nobody
 * listens, so whatever stands on a route is not gone around. Who leads is asked of `http`.
 */
function clusterConfig({ name, port, routes }: ClusterOptions): string[] {
  const fields = [
    `name: ${quote(name)}`,
    `listen: ${quote(loopback(port))}`,
    `routes: [${routes.map(quote).join(', ')}]`,
    `advertise: ${quote(loopback(nobodyPort))}`,
    'no_advertise: true',
  ]
  return [`cluster { ${fields.join(', ')} }`, `http: ${quote(loopback('random'))}`]
}

const nobodyPort = 9

function loopback(port: number | 'random'): string {
  return `127.0.0.1:${port === 'random' ? -1 : port}`
}

/** The configuration's strings escape as JSON's do. */
function quote(text: string): string {
  return JSON.stringify(text)
}
