import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { identify, isAlive } from '../src/process-identity.ts'
import { NatsServerError, startNatsServer, type NatsServerOptions } from '../src/index.ts'

let dir: string
const binary = process.env['NATS_SERVER'] ?? 'nats-server'

beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'waybill-nats-')))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

function options(more: Partial<NatsServerOptions> = {}): NatsServerOptions {
  return { binary, dir, sync: 'default', ...more }
}

test('starts on a random port, answers, and frees everything when it stops', async () => {
  const server = await startNatsServer(options({ sync: 'always', websocket: { port: 'random' } }))
  const nats = await connect({ servers: server.url })
  expect(nats.info?.max_payload).toBe(8 * 1024 * 1024)
  expect(await readFile(join(dir, 'nats.conf'), 'utf8')).toContain('sync_interval: always')
  expect(server.websocketUrl).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/)
  await nats.close()

  expect(await server.stop()).toEqual({ code: 0, signal: null })
  expect(await server.stop()).toEqual(await server.exited)
  expect(await identify(server.pid)).toBeUndefined()
  expect((await readdir(dir)).sort()).toEqual(['jetstream', 'nats.conf', 'nats.log'])
})

test('a second server on the same directory is refused, by name and with what to do', async () => {
  await using first = await startNatsServer(options())
  const refusal = await refused(options())
  expect(refusal.code).toBe('nats.store-locked')
  expect(refusal.message).toContain(join(dir, 'lock.json'))
  expect(refusal.message).toContain(`process ${process.pid}`)
  expect(first.pid).toBeGreaterThan(0)
})

test('of many starts at once on one directory, one wins', async () => {
  await leaveLock({ owner: { pid: 2 ** 22 + 1, startedAt: '1' } })
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, () => startNatsServer(options())),
  )
  const started = results.filter((result) => result.status === 'fulfilled')
  expect(started).toHaveLength(1)
  for (const { value } of started) await value.stop()
})

test('the lock of a process that is gone is taken over, and so is that of a pid used again', async () => {
  await leaveLock({ owner: { pid: 2 ** 22 + 1, startedAt: '1' } })
  await (await startNatsServer(options())).stop()
  await leaveLock({ owner: { pid: process.pid, startedAt: 'another life' } })
  await (await startNatsServer(options())).stop()
  await writeFile(join(dir, 'lock.json'), '\0\0\0')
  await (await startNatsServer(options())).stop()
})

test('kill -9 of the server: it is seen, and a restart on the same port keeps the data', async () => {
  const first = await startNatsServer(options())
  await publish(first.url, 'kept')
  expect(await first.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' })

  await using second = await startNatsServer(options({ port: first.port }))
  expect(second.url).toBe(first.url)
  expect(await lastMessage(second.url)).toBe('kept')
})

test.skipIf(process.platform === 'win32')(
  'kill -9 of the parent: its server goes too, and the next start takes over at once',
  async () => {
    const parent = spawn(
      process.execPath,
      [...sourceFlags, join(import.meta.dirname, 'parent.ts'), binary, dir],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const [line] = (await once(createInterface(parent.stdout), 'line')) as [string]
    const { pid, url } = JSON.parse(line) as { pid: number; url: string }
    await publish(url, 'kept')
    const server = await identify(pid)
    parent.kill('SIGKILL')
    await once(parent, 'exit')

    await using next = await startNatsServer(options())
    expect(server && (await isAlive(server))).toBe(false)
    expect(await lastMessage(next.url)).toBe('kept')
  },
)

test('a parent that merely ends does not leave its server behind', async () => {
  const parent = spawn(
    process.execPath,
    [...sourceFlags, join(import.meta.dirname, 'parent.ts'), binary, dir, 'leave'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const [line] = (await once(createInterface(parent.stdout), 'line')) as [string]
  const { pid } = JSON.parse(line) as { pid: number }
  await once(parent, 'exit')
  await (await startNatsServer(options())).stop()
  expect(await identify(pid)).toBeUndefined()
})

test('what cannot start says why: no binary, a port that is taken, a broken store', async () => {
  expect((await refused(options({ binary: join(dir, 'none') }))).code).toBe('nats.binary-missing')
  expect(existsSync(join(dir, 'lock.json'))).toBe(false)

  await using other = await startNatsServer(options({ dir: join(dir, 'other') }))
  expect((await refused(options({ port: other.port }))).code).toBe('nats.port-taken')

  await rm(join(dir, 'jetstream'), { recursive: true, force: true })
  await writeFile(join(dir, 'jetstream'), 'a file where a directory should be')
  const broken = await refused(options())
  expect(broken.code).toBe('nats.start-failed')
  expect(broken.why).toMatch(/jetstream/i)
  expect(existsSync(join(dir, 'lock.json'))).toBe(false)
})

test('somebody else on the port who is no NATS server is found out too', async () => {
  const squatter = createServer().listen(0, '127.0.0.1')
  await once(squatter, 'listening')
  const address = squatter.address()
  const port = typeof address === 'object' && address ? address.port : 0
  expect((await refused(options({ port }))).code).toBe('nats.port-taken')
  squatter.close()
})

const sourceFlags = ['--conditions=@waybill/source']

async function refused(wrong: NatsServerOptions): Promise<NatsServerError> {
  const result = await startNatsServer(wrong).then(
    (server) => server.stop(),
    (cause: unknown) => cause,
  )
  if (result instanceof NatsServerError) return result
  throw new Error('it started, or failed with something else', { cause: result })
}

async function leaveLock(holder: object): Promise<void> {
  const server = await startNatsServer(options())
  const lock = JSON.parse(await readFile(join(dir, 'lock.json'), 'utf8')) as object
  await server.stop()
  await writeFile(join(dir, 'lock.json'), JSON.stringify({ ...lock, server: undefined, ...holder }))
}

async function publish(url: string, text: string): Promise<void> {
  const nats = await connect({ servers: url })
  await (await jetstreamManager(nats)).streams.add({ name: 'KEPT', subjects: ['kept'] })
  await jetstream(nats).publish('kept', text)
  await nats.close()
}

async function lastMessage(url: string): Promise<string | undefined> {
  const nats = await connect({ servers: url })
  const message = await (
    await jetstreamManager(nats)
  ).streams.getMessage('KEPT', { last_by_subj: 'kept' })
  await nats.close()
  return message?.string()
}
