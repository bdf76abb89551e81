import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { natsFixture } from '../../../test/fixture/nats.ts'
import { temporaryServer } from '../../../test/fixture/temporary-server.ts'
import { connectNats, createLogger, natsSettings, openScope } from '../src/index.ts'

const nats = natsFixture()
const log = createLogger({ level: 'silent' })
const settings = (natsServers: string[], more = {}) =>
  z.object(natsSettings).parse({ natsServers, natsConnectWithinMs: 50, ...more })

test('connects, stays connected over a restart of the server, and drains with its scope', async () => {
  const scope = openScope({ log })
  const nc = await connectNats(scope, settings([nats.url]), { name: 'waybill-test' })
  const back = seen(nc, 'reconnect')
  await nats.restart('SIGKILL')
  await back
  const sub = nc.subscribe('x', { max: 1 })
  await nc.flush()
  nc.publish('x', 'hello')
  for await (const message of sub) expect(message.string()).toBe('hello')
  await scope.stop()
  expect(nc.isClosed()).toBe(true)
})

test('a server that hangs is left in the time that a cluster takes to find another leader', async () => {
  await using hung = await temporaryServer()
  await using scope = openScope({ log })
  const nc = await connectNats(scope, settings([hung.url]), { name: 'waybill-test' })
  const left = seen(nc, 'disconnect')
  const since = performance.now()
  process.kill(hung.server.pid, 'SIGSTOP')
  try {
    await left
    expect(performance.now() - since).toBeLessThan(7000)
  } finally {
    process.kill(hung.server.pid, 'SIGCONT')
  }
})

test('a server that is not there is told with its address, not with its password', async () => {
  const lines: string[] = []
  const logger = createLogger({ to: { write: (line) => void lines.push(line) } })
  await using scope = openScope({ log: logger })
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const wanted = settings([`nats://user:hunter2@127.0.0.1:${port}`])
  await expect(connectNats(scope, wanted, { name: 't' })).rejects.toMatchObject({
    code: 'WB1111',
    where: `nats://127.0.0.1:${port}`,
    exitCode: 69,
  })
  expect(lines.join('')).toContain('NATS does not answer yet')
  expect(lines.join('')).not.toContain('hunter2')
})

/** Says hello as a nats-server would. */
async function impostor(info: object) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.write(
      `INFO ${JSON.stringify({ server_id: 'x', port: 1, proto: 1, headers: true, ...info })}\r\n`,
    )
    socket.on('data', (chunk) => {
      if (String(chunk).includes('PING')) socket.write('PONG\r\n')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.dispose]: () => void server.close(),
  }
}

test.each([
  [
    'too old',
    { version: '2.12.6', max_payload: 1_048_576, jetstream: true },
    'it is nats-server 2.12.6',
  ],
  ['without JetStream', { version: '2.15.1', max_payload: 1_048_576 }, 'JetStream is off'],
  [
    'small',
    { version: '2.15.1', max_payload: 4096, jetstream: true },
    'its max_payload is 4096 bytes',
  ],
])('a server that is %s is refused with the reason', async (_name, info, why) => {
  using server = await impostor(info)
  const scope = openScope({ log })
  await expect(connectNats(scope, settings([server.url]), { name: 't' })).rejects.toMatchObject({
    code: 'WB1113',
    why,
  })
  await scope.stop()
})

/** A real server that knows two users, one of whom may do nothing. */
async function guardedServer() {
  const dir = await mkdtemp(join(tmpdir(), 'waybill-users-'))
  const conf = join(dir, 'nats.conf')
  await writeFile(
    conf,
    `listen: "127.0.0.1:-1", jetstream { store_dir: "${dir}" }
     authorization { users: [ { user: in, password: secret, permissions: { publish: "ok.>", subscribe: "_INBOX_t.>" } } ] }`,
  )
  const child = spawn(process.env['NATS_SERVER'] ?? 'nats-server', ['-c', conf])
  let log = ''
  const url = new Promise<string>((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      log += String(chunk)
      const port = /client connections on 127\.0\.0\.1:(\d+)[\s\S]*Server is ready/.exec(log)?.[1]
      if (port !== undefined) resolve(`nats://127.0.0.1:${port}`)
    })
  })
  return {
    url: await url,
    async [Symbol.asyncDispose]() {
      child.kill()
      await once(child, 'exit')
      await rm(dir, { recursive: true })
    },
  }
}

test('a refused login is told at once, without the password', async () => {
  await using server = await guardedServer()
  await using scope = openScope({ log })
  const wanted = settings([server.url], { natsUser: 'in', natsPassword: 'wrong' })
  const refused = connectNats(scope, { ...wanted, natsConnectWithinMs: 60_000 }, { name: 't' })
  await expect(refused).rejects.toMatchObject({ code: 'WB1112', exitCode: 78 })
})

test('a publish that is not permitted ends the scope, though nobody awaits it', async () => {
  await using server = await guardedServer()
  const user = { natsUser: 'in', natsPassword: 'secret', natsInboxPrefix: '_INBOX_t' }
  const scope = openScope({ log })
  const nc = await connectNats(scope, settings([server.url], user), { name: 't' })
  nc.publish('ok.x')
  await nc.flush()
  expect(scope.signal.aborted).toBe(false)
  nc.publish('wb.journal.1.shop.0')
  await aborted(scope.signal)
  await expect(scope.stop()).rejects.toMatchObject({
    code: 'WB1114',
    where: 'publish wb.journal.1.shop.0',
  })
})

test('who only asks may be told no', async () => {
  await using server = await guardedServer()
  const user = { natsUser: 'in', natsPassword: 'secret', natsInboxPrefix: '_INBOX_t' }
  await using scope = openScope({ log })
  const options = { name: 't', onPermissionViolation: 'log' } as const
  const nc = await connectNats(scope, settings([server.url], user), options)
  await expect(nc.request('wb.api.dispatch.list')).rejects.toMatchObject({ name: 'RequestError' })
  expect(scope.signal.aborted).toBe(false)
})

test('a connection closed behind its back ends the scope', async () => {
  const scope = openScope({ log })
  const nc = await connectNats(scope, settings([nats.url]), { name: 't' })
  await nc.close()
  await aborted(scope.signal)
  await expect(scope.stop()).rejects.toMatchObject({ code: 'WB1115' })
})

async function seen(nc: NatsConnection, type: string): Promise<void> {
  for await (const status of nc.status()) if (status.type === type) return
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
