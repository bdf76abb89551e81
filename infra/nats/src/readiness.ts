import { readdir, readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'

export interface Ports {
  readonly nats: readonly string[]
  readonly websocket?: readonly string[]
  readonly monitoring?: readonly string[]
}

/** What the server says of itself in the first line it sends to a client. */
export interface ServerInfo {
  readonly server_name: string
  readonly version: string
  readonly jetstream?: boolean
}

/** Undefined while the file is missing or still being written. */
export async function readPorts(dir: string, pid: number): Promise<Ports | undefined> {
  const name = (await portsFiles(dir)).find((file) => file.endsWith(`_${pid}.ports`))
  if (name === undefined) return undefined
  try {
    const ports = JSON.parse(await readFile(join(dir, name), 'utf8')) as Partial<Ports> // server's own format
    return ports.nats?.length ? { ...ports, nats: ports.nats } : undefined
  } catch {
    return undefined
  }
}

/** kill -9 leaves them behind, and a pid is used again. */
export async function portsFiles(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((file) => file.endsWith('.ports'))
}

/** Undefined when nobody answers, or somebody who is no NATS server. */
export function readInfo(port: number, timeoutMs: number): Promise<ServerInfo | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    let text = ''
    const end = (info?: ServerInfo) => {
      socket.destroy()
      resolve(info)
    }
    socket.setTimeout(timeoutMs, () => end())
    socket.once('error', () => end())
    socket.once('close', () => end())
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (text.includes('\n') || text.length > infoCharsMax) end(parseInfo(text))
    })
  })
}

/** Asked after a start that failed, so that nobody has to read it out of the server's log. */
export function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (cause: NodeJS.ErrnoException) => resolve(cause.code === 'EADDRINUSE'))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(false)))
  })
}

const infoCharsMax = 65_536

function parseInfo(text: string): ServerInfo | undefined {
  const line = /^INFO (\{.*\})\s*$/m.exec(text)?.[1]
  if (line === undefined) return undefined
  try {
    return JSON.parse(line) as ServerInfo // the protocol fixes these fields
  } catch {
    return undefined
  }
}
