import { type ChildProcess } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { start, untilSaid, waybill, type Said } from './waybill.ts'

/*
 * One day with `waybill dev`: real processes, a real server, the commands beside it with no flags.
 * The tests are chapters of one story, in order.
 */

const app = fileURLToPath(new URL('fixture/app.ts', import.meta.url))
let cwd: string
let port: number
let dev: ChildProcess
let banner: string

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'waybill-dev-'))
  port = await freePort()
  await begin()
})
afterAll(async () => {
  await end('SIGKILL')
  await rm(cwd, { recursive: true, force: true })
})

async function begin(): Promise<void> {
  dev = start(['dev', '--app', app, '--port', String(port), '--dashboard-port', '0'], { cwd })
  dev.stdout?.resume()
  banner = await untilSaid(dev, 'Ctrl-C ends all of it')
}

async function end(signal: NodeJS.Signals): Promise<number | null> {
  if (dev.exitCode !== null || dev.signalCode !== null) return dev.exitCode
  const closed = once(dev, 'close') as Promise<[number | null]>
  dev.kill(signal)
  return (await closed)[0]
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: free } = server.address() as AddressInfo // listening on TCP
  server.close()
  await once(server, 'close')
  return free
}

const ask = (...args: string[]): Promise<Said> => waybill(args, { cwd })

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await ask(...args, '--json')
  expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout: expect.any(String) })
  return JSON.parse(stdout) as T
}

interface Row {
  readonly id: string
  readonly binding: string
  readonly state: string
  readonly event: string
}
const list = async (...args: string[]): Promise<Row[]> =>
  (await json<{ dispatches: Row[] }>('dispatch', 'ls', ...args)).dispatches

const order = (id: string, total: number): string => JSON.stringify({ id, total })

test('it says where everything is, and the commands beside it need no flags', async () => {
  expect(banner).toContain(`http://127.0.0.1:${port}/webhooks/github`)
  const file = JSON.parse(await readFile(join(cwd, '.waybill', 'dev.json'), 'utf8')) as {
    dashboard: string
  }
  expect(banner).toMatch(new RegExp(`dashboard +${file.dashboard}\n`))
  const session = await fetch(`${file.dashboard}/api/v1/session`)
  expect(await session.json()).toMatchObject({ user: { role: 'operator' }, auth: 'none' })
  expect(banner).toContain('always: what was acknowledged survives a power cut')
  const { stdout, stderr, code } = await ask('dispatch', 'ls')
  expect({ stdout, code }).toEqual({ stdout: '', code: 0 })
  expect(stderr).toContain('no dispatch fits')
})

test('a signed webhook is taken in, with the secret that was printed', async () => {
  const secret = (await readFile(join(cwd, '.waybill', 'github-secret'), 'utf8')).trim()
  expect(banner).toContain(secret)
  const body = '{"zen":"Speak like a human."}'
  const signature = createHmac('sha256', secret).update(body).digest('hex')
  const post = (signed: string) =>
    fetch(`http://127.0.0.1:${port}/webhooks/github`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'ping',
        'x-github-delivery': 'one',
        'x-hub-signature-256': `sha256=${signed}`,
      },
      body,
    })
  expect((await post(signature)).ok).toBe(true)
  expect((await post('0'.repeat(64))).status).toBe(401)
})

test('an event is sent and waited for: 0 when all went well, 1 when not', async () => {
  const fine = await ask('send', 'order.placed', order('A1', 99), '--wait', '--json')
  expect(fine.code).toBe(0)
  const { dispatches } = JSON.parse(fine.stdout) as { dispatches: Row[] }
  expect(dispatches.map(({ binding, state }) => [binding, state])).toContainEqual([
    'bill@v1',
    'succeeded',
  ])
  const bad = await ask('send', 'order.placed', order('bad1', 99), '--wait')
  expect(bad.code).toBe(1)
  expect(bad.stdout).toContain('☠ dlq: retry_exhausted')
  const input = await waybill(['send', 'order.placed', '-'], { cwd, input: order('A2', 5) })
  expect(input.code).toBe(0)
  expect((await ask('send', 'order.placed', '{')).code).toBe(2)
})

test('every binding says why it did or did not run', async () => {
  const sent = await json<{ id: string }>('send', 'order.placed', order('small', 5), '--wait')
  const { verdicts } = await json<{ verdicts: { binding: string; verdict: string }[] }>(
    'event',
    'explain',
    sent.id,
  )
  const said = Object.fromEntries(verdicts.map(({ binding, verdict }) => [binding, verdict]))
  expect(said).toEqual({ 'audit@v1': 'matched', 'bill@v1': 'filtered', 'hold@v1': 'type_mismatch' })
})

test('a dead letter can be looked at from all sides, by the beginning of its id', async () => {
  const { entries } = await json<{ entries: { id: string }[] }>('dead', 'ls')
  expect(entries).toHaveLength(1)
  const id = entries[0]!.id
  const beginning = id.slice(0, 14)
  expect(await json('dead', 'get', beginning)).toMatchObject({ entry: { id, attempts: 3 } })
  expect(await json('dispatch', 'get', beginning)).toMatchObject({ dispatch: { row: { id } } })
  const history = await json<{ steps: unknown[]; verified: unknown }>('dispatch', 'history', id)
  expect(history).toMatchObject({ verified: { result: 'intact' }, steps: { length: 6 } })
  const graph = await ask('dispatch', 'graph', id, '--as', 'mermaid')
  expect(graph.stdout).toContain('flowchart')
  const watched = await ask('dispatch', 'watch', id)
  expect(watched.code).toBe(1)
  expect(watched.stdout.trim().split('\n')).toHaveLength(6)
})

test('what is not there is 3, what is meant by too little is 2', async () => {
  expect((await ask('dispatch', 'get', '1-0-ffffffffffff')).code).toBe(3)
  expect((await ask('event', 'get', '1-9-000')).code).toBe(3)
  const vague = await ask('dispatch', 'get', '1-0')
  expect([2, 3]).toContain(vague.code)
})

test('a running dispatch is cancelled; a dry run only looks; an ended one is refused: 5', async () => {
  const { id: event } = await json<{ id: string }>('send', 'order.held', order('H1', 1))
  const held = await untilRow(event, 'hold@v1', 'attempting')
  const dry = await json('dispatch', 'cancel', '--filter', 'binding=hold', '--dry-run')
  expect(dry).toMatchObject({ dryRun: true, dispatches: 1, ids: [held.id] })
  expect((await ask('dispatch', 'cancel', '--event', event)).code).toBe(2)
  const done = await json('dispatch', 'cancel', held.id.slice(0, 14), '--reason', 'story is over')
  expect(done).toMatchObject({ dryRun: false, dispatches: 1 })
  await untilRow(event, 'hold@v1', 'cancelled')
  const again = await ask('dispatch', 'cancel', held.id)
  expect({ code: again.code, stderr: again.stderr }).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('ended'),
  })
})

async function untilRow(event: string, binding: string, state: string): Promise<Row> {
  for (let look = 0; look < 50; look++) {
    const found = (await list('--event', event)).find((row) => row.binding === binding)
    if (found?.state === state) return found
  }
  throw new Error(`${binding} did not come to ${state}`)
}

test('the tail tells every transition, a line of JSON each, until Ctrl-C: 130', async () => {
  const tail = start(['tail', '-o', 'ndjson', '--binding', 'bill'], { cwd })
  const lines: string[] = []
  const enough = Promise.withResolvers<void>()
  tail.stdout?.on('data', (chunk: Buffer) => {
    lines.push(...chunk.toString().trim().split('\n'))
    if (lines.length >= 2) enough.resolve()
  })
  await untilSaid(tail, 'waiting for transitions')
  await ask('send', 'order.placed', order('T1', 50))
  await enough.promise
  const closed = once(tail, 'close')
  tail.kill('SIGINT')
  expect(await closed).toEqual([130, null])
  for (const line of lines) {
    expect(JSON.parse(line)).toMatchObject({ schemaVersion: 1, binding: 'bill@v1' })
  }
})

test('everything replays, verifies and is projected as it is recorded', async () => {
  const replayed = await ask('replay', '--all', '--json')
  expect(replayed).toMatchObject({ code: 0 })
  expect(JSON.parse(replayed.stdout)).toMatchObject({ diverged: 0 })
  expect(await json('verify')).toMatchObject({ findings: [] })
  expect(await json('projection', 'verify')).toMatchObject({ result: 'equal' })
  expect((await ask('projection', 'rebuild')).code).toBe(5)
  await json('projection', 'rebuild', '--file', 'again.db')
  expect(await json('projection', 'verify', '--file', 'again.db')).toMatchObject({
    result: 'equal',
  })
  const doctor = await ask('doctor')
  expect(doctor.stdout).not.toContain('✗')
  expect(doctor.code).toBe(0)
})

test('a second one on the same data, or on the same port, is refused: 5', async () => {
  const second = await ask('dev', '--app', app, '--port', String(await freePort()))
  expect({ code: second.code, stderr: second.stderr }).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('WB4012'),
  })
  const taken = await ask('dev', '--app', app, '--data', 'elsewhere', '--port', String(port))
  expect(taken).toMatchObject({
    code: 5,
    stderr: expect.stringContaining(`port ${port} is in use`),
  })
  expect(existsSync(join(cwd, 'elsewhere'))).toBe(false)
})

test('a dispatch is exported, and replays when everything is off', async () => {
  const [dead] = (await json<{ entries: { id: string }[] }>('dead', 'ls')).entries
  const online = await ask('replay', dead!.id)
  expect(online.code).toBe(0)
  const exported = await json('export', dead!.id, '-f', 'dead.waybill')
  expect(exported).toMatchObject({ transitions: 6, event: true })
  expect(await end('SIGINT')).toBe(0)
  expect(existsSync(join(cwd, '.waybill', 'dev.json'))).toBe(false)
  expect((await ask('dispatch', 'ls')).code).toBe(4)
  const { code, stdout } = await ask('replay', 'dead.waybill')
  expect(code).toBe(0)
  expect(stdout).toBe(online.stdout)
})

test('the next start goes on with the same data, also after a crash', async () => {
  await begin()
  const before = (await list()).length
  expect(before).toBeGreaterThan(5)
  await end('SIGKILL')
  const asked = await ask('dispatch', 'ls')
  expect(asked.code).toBe(4)
  expect(asked.stderr).toContain('is not running any more')
  await begin()
  expect(await list()).toHaveLength(before)
  expect(await json('verify', '--ended')).toMatchObject({ findings: [] })
  expect(await end('SIGTERM')).toBe(0)
})
