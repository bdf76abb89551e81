import { join } from 'node:path'

export type SyncMode = 'always' | 'default'

export interface WebsocketOptions {
  readonly port: number | 'random'
  /** Checked against the `Origin` of browsers only; it is no authorisation. */
  readonly allowedOrigins?: readonly string[]
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
    '',
  ].join('\n')
}

function websocketConfig({ port, allowedOrigins }: WebsocketOptions): string {
  const origins = allowedOrigins
    ? `, allowed_origins: [${allowedOrigins.map(quote).join(', ')}]`
    : ''
  return `websocket { listen: ${quote(loopback(port))}, no_tls: true${origins} }`
}

function loopback(port: number | 'random'): string {
  return `127.0.0.1:${port === 'random' ? -1 : port}`
}

/** The configuration's strings escape as JSON's do. */
function quote(text: string): string {
  return JSON.stringify(text)
}
