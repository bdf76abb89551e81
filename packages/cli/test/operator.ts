import { type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { start, untilSaid, waybill, type Said } from './waybill.ts'

/** An operator beside a `waybill dev` that runs an app with limits: real processes, a real server. */
export async function openDay() {
  const cwd = await mkdtemp(join(tmpdir(), 'waybill-operate-'))
  const dev = start(
    ['dev', '--app', app, '--port', String(await freePort()), '--dashboard-port', '0'],
    { cwd },
  )
  dev.stdout?.resume()
  await untilSaid(dev, 'Ctrl-C ends all of it')

  const ask = (...args: string[]): Promise<Said> => waybill(args, { cwd })

  async function json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await ask(...args, '-o', 'json')
    expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout: expect.any(String) })
    return JSON.parse(stdout) as T
  }

  return {
    ask,
    json,
    /** Exit code, and what the error says: code, what, where, why, next. */
    async refusal(...args: string[]): Promise<{ code: number | null; said: string }> {
      const { code, stderr, stdout } = await ask(...args)
      expect(stdout).toBe('')
      return { code, said: stderr }
    },
    list: async (...args: string[]): Promise<Row[]> =>
      (await json<{ dispatches: Row[] }>('dispatch', 'ls', ...args)).dispatches,
    dead: async (...args: string[]): Promise<Entry[]> =>
      (await json<{ entries: Entry[] }>('dead', 'ls', ...args)).entries,
    limit: (name: string) => json<Limit>('flow', 'get', name),
    send: (type: string, id: string) => json<{ id: string }>('send', type, JSON.stringify({ id })),
    async close(): Promise<void> {
      await end(dev)
      await rm(cwd, { recursive: true, force: true })
    },
  }
}

export type Day = Awaited<ReturnType<typeof openDay>>

export const app = fileURLToPath(new URL('fixture/limits.ts', import.meta.url))

async function end(dev: ChildProcess): Promise<void> {
  if (dev.exitCode !== null || dev.signalCode !== null) return
  const closed = once(dev, 'close')
  dev.kill('SIGKILL')
  await closed
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // listening on TCP
  server.close()
  await once(server, 'close')
  return port
}

/** Asked again until it holds: what a command did shows a moment later. */
export async function until<T>(look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  let seen = await look()
  for (let round = 0; round < 40 && !holds(seen); round++) seen = await look()
  if (!holds(seen)) throw new Error(`it never came to be: ${JSON.stringify(seen)}`)
  return seen
}

export interface Row {
  readonly id: string
  readonly binding: string
  readonly state: string
  readonly held?: { readonly limit: string; readonly why: string }
}
export interface Entry {
  readonly id: string
  readonly status: string
}
export interface Limit {
  readonly limit: string
  readonly used: number
  readonly waiting: number
  readonly rule: object
  readonly override?: object
  readonly ledgers: readonly { holders: string[]; waiters: { dispatch: string }[] }[]
}
