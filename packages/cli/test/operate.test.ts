import { type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { start, untilSaid, waybill, type Said } from './waybill.ts'

/*
 * An operator's day: limits, dead letters, reruns and operations against a real server. Its tests
 * are chapters of one story, in order.
 */

const app = fileURLToPath(new URL('fixture/limits.ts', import.meta.url))
let cwd: string
let dev: ChildProcess

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'waybill-operate-'))
  dev = start(['dev', '--app', app, '--port', String(await freePort())], { cwd })
  dev.stdout?.resume()
  await untilSaid(dev, 'Ctrl-C ends all of it')
})
afterAll(async () => {
  if (dev.exitCode === null && dev.signalCode === null) {
    const closed = once(dev, 'close')
    dev.kill('SIGKILL')
    await closed
  }
  await rm(cwd, { recursive: true, force: true })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // listening on TCP
  server.close()
  await once(server, 'close')
  return port
}

const ask = (...args: string[]): Promise<Said> => waybill(args, { cwd })

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await ask(...args, '-o', 'json')
  expect({ code, stderr, stdout }).toEqual({ code: 0, stderr: '', stdout: expect.any(String) })
  return JSON.parse(stdout) as T
}

/** Exit code, and what the error says of each: code, what, where, why, next. */
async function refusal(...args: string[]): Promise<{ code: number | null; said: string }> {
  const { code, stderr, stdout } = await ask(...args)
  expect(stdout).toBe('')
  return { code, said: stderr }
}

interface Row {
  readonly id: string
  readonly binding: string
  readonly state: string
  readonly rerunOf?: string
  readonly held?: { readonly limit: string; readonly why: string }
}
const list = async (...args: string[]): Promise<Row[]> =>
  (await json<{ dispatches: Row[] }>('dispatch', 'ls', ...args)).dispatches

const send = (type: string, id: string) =>
  json<{ id: string }>('send', type, JSON.stringify({ id }))

/** Asked again until it holds: what a command did shows a moment later. */
async function until<T>(look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  let seen = await look()
  for (let round = 0; round < 40 && !holds(seen); round++) seen = await look()
  if (!holds(seen)) throw new Error(`it never came to be: ${JSON.stringify(seen)}`)
  return seen
}

interface Limit {
  readonly limit: string
  readonly used: number
  readonly waiting: number
  readonly rule: object
  readonly override?: object
  readonly ledgers: readonly { holders: string[]; waiters: { dispatch: string }[] }[]
}
const limit = (name: string) => json<Limit>('flow', 'get', name)

describe('limits', () => {
  test('who waits says for what, and the limit says who waits', async () => {
    await Promise.all(['h1', 'h2', 'h3'].map((id) => send('job.held', id)))
    const rows = await until(
      () => list('--binding', 'slow'),
      (seen) => seen.filter(({ held }) => held).length === 2,
    )
    const waiter = rows.find(({ held }) => held)
    expect(waiter?.held).toMatchObject({
      limit: 'slow/concurrency',
      why: expect.stringMatching(/^waits in slow\/concurrency \(used 1, max 1, ahead [01]\)$/),
    })
    const one = await limit('slow/concurrency')
    expect(one).toMatchObject({ used: 1, waiting: 2, rule: { kind: 'concurrency', max: 1 } })
    expect(one.ledgers[0]?.waiters.map(({ dispatch }) => dispatch)).toContain(waiter?.id)
    const shown = await ask('dispatch', 'get', waiter?.id ?? '')
    expect(shown.stdout).toContain('waits in slow/concurrency (used 1, max 1')
    const { steps } = await json<{ steps: { gates: { ledger: string; result: string }[] }[] }>(
      'dispatch',
      'history',
      waiter?.id ?? '',
    )
    expect(steps.flatMap(({ gates }) => gates).at(-1)).toMatchObject({
      ledger: 'slow/concurrency',
      result: 'waiting',
    })
  })

  test('bad input is told with what would be right', async () => {
    const set = (...args: string[]) => refusal('flow', 'set', 'slow/concurrency', ...args)
    expect(await refusal('flow', 'get', 'no/limit')).toMatchObject({
      code: 3,
      said: expect.stringMatching(/WB4006 .*\n {2}where: no\/limit\n {2}next: {2}waybill flow ls/),
    })
    expect(await refusal('flow', 'set', 'no/limit', '--max', '2')).toMatchObject({
      code: 3,
      said: expect.stringContaining('next:  waybill flow ls'),
    })
    expect(await set('--period', '5s')).toMatchObject({
      code: 5,
      said: expect.stringContaining(
        'it is a concurrency and has no periodMs: what can be set is max',
      ),
    })
    for (const wrong of [[], ['--max', '0'], ['--max', 'two'], ['--max', '2', '--deployed']]) {
      expect((await set(...wrong)).code).toBe(2)
    }
    expect((await set('--set', 'foo=1')).code).toBe(2)
  })

  test('one is set while it is in force, looked at before, and taken back', async () => {
    const dry = await json('flow', 'set', 'slow/concurrency', '--max', '2', '--dry-run')
    expect(dry).toMatchObject({ dryRun: true, before: { max: 1 }, after: { max: 2 } })
    expect(dry).not.toHaveProperty('change')
    expect(await limit('slow/concurrency')).toMatchObject({ used: 1 })
    await json('flow', 'set', 'slow/concurrency', '--max', '2', '--reason', 'more hands')
    await until(
      () => limit('slow/concurrency'),
      ({ used, waiting }) => used === 2 && waiting === 1,
    )
    expect(await limit('slow/concurrency')).toMatchObject({
      override: { rule: { max: 2 }, reason: 'more hands' },
    })
    expect((await ask('flow', 'ls')).stdout).toContain('concurrency max 2 (set)')
    await json('flow', 'set', 'slow/concurrency', '--deployed')
    await until(
      () => limit('slow/concurrency'),
      (one) => one.override === undefined,
    )
  })

  test('who waits can be cancelled, and leaves the line', async () => {
    const { ledgers } = await limit('slow/concurrency')
    const waiter = ledgers[0]?.waiters[0]?.dispatch ?? ''
    expect((await ask('dispatch', 'cancel', waiter, '--reason', 'tired')).code).toBe(0)
    await until(
      () => limit('slow/concurrency'),
      ({ waiting }) => waiting === 0,
    )
    const graph = await json<{ nodes: { kind: string; status: string }[] }>(
      'dispatch',
      'graph',
      waiter,
    )
    expect(graph.nodes.map(({ kind, status }) => `${kind} ${status}`)).toContain('gate left')
  })

  test('what a limit turned away says so, and is run again by hand past it', async () => {
    await send('job.counted', 'c1')
    const { id: event } = await send('job.counted', 'c2')
    const [skipped] = await until(
      () => list('--event', event),
      ([row]) => row?.state === 'skipped',
    )
    const { verdicts } = await json<{ verdicts: { binding: string; reason?: string }[] }>(
      'event',
      'explain',
      event,
    )
    expect(verdicts.find(({ binding }) => binding === 'few@v1')?.reason).toContain(
      'few/rateLimit: rate_limited',
    )
    const of = skipped?.id ?? ''
    const dry = await json('dispatch', 'rerun', of, '--dry-run')
    expect(dry).toMatchObject({ dryRun: true, of, binding: 'few@v1' })
    const { dispatch } = await json<{ dispatch: string }>('dispatch', 'rerun', of)
    await until(
      () => list('--event', event),
      (rows) => rows.some((row) => row.id === dispatch && row.state === 'succeeded'),
    )
    const graph = await json<{ edges: { kind: string }[] }>('dispatch', 'graph', of, '--chain')
    expect(graph.edges.map(({ kind }) => kind)).toContain('replay_chain')
    expect((await refusal('dispatch', 'rerun', '1-0-ffffffffffff')).code).toBe(3)
  })
})

interface Entry {
  readonly id: string
  readonly status: string
}
const dead = async (...args: string[]): Promise<Entry[]> =>
  (await json<{ entries: Entry[] }>('dead', 'ls', ...args)).entries

describe('dead letters', () => {
  test('what died of the same thing is one group', async () => {
    await Promise.all(['b1', 'b2', 'b3', 'b4', 'b5'].map((id) => send('job.broken', id)))
    const { groups } = await until(
      () => json<{ groups: { fingerprint: string; pending: number }[] }>('dead', 'groups'),
      (seen) => seen.groups[0]?.pending === 5,
    )
    expect(groups).toHaveLength(1)
    expect(await dead('--group', groups[0]?.fingerprint ?? '')).toHaveLength(5)
  })

  test('nothing is run again by mistake', async () => {
    expect((await refusal('dead', 'redrive')).code).toBe(2)
    expect((await refusal('dead', 'redrive', '--all')).said).toContain('would redrive 5')
    expect((await refusal('dead', 'redrive', '1-0-ffffffffffff')).code).toBe(3)
    expect((await refusal('dead', 'redrive', '--all', '--rate', '0')).code).toBe(2)
    expect((await refusal('dead', 'redrive', '--all', '--data', '{}')).code).toBe(2)
    expect((await refusal('dead', 'redrive', '--all', '--data', '{')).code).toBe(2)
    expect(await json('dead', 'redrive', '--all', '--dry-run')).toMatchObject({
      dryRun: true,
      matched: 5,
    })
    expect(await dead('--status', 'pending')).toHaveLength(5)
  })

  test('one is mended by other data; twice is refused, also by a dry run: 5', async () => {
    const [one] = await dead()
    const id = one?.id ?? ''
    const { started } = await json<{ started: { dispatch: string }[] }>(
      'dead',
      'redrive',
      id,
      '--data',
      '{"id":"mended"}',
    )
    expect(started).toHaveLength(1)
    await until(
      () => json<{ entry: Entry }>('dead', 'get', id),
      ({ entry }) => entry.status === 'resolved',
    )
    for (const more of [['--dry-run'], []]) {
      const again = await ask('dead', 'redrive', id, ...more)
      expect(again).toMatchObject({ code: 5, stdout: expect.stringContaining(id) })
    }
    const graph = await ask('dispatch', 'graph', started[0]?.dispatch ?? '', '--as', 'mermaid')
    expect(graph.stdout).toContain('-->|redrive|')
  })

  test('one is given up for good', async () => {
    const [one] = await dead('--status', 'pending')
    const id = one?.id ?? ''
    expect(await json('dead', 'discard', id, '--dry-run')).toMatchObject({ matched: 1 })
    expect(await json('dead', 'discard', id)).toMatchObject({ discarded: 1 })
    expect((await ask('dead', 'redrive', id)).code).toBe(5)
    await until(
      () => dead('--status', 'discarded'),
      (entries) => entries.some((entry) => entry.id === id),
    )
  })

  test('a redrive with a pace is cancelled half way: what is done stays done', async () => {
    const begun = await json<{ op: string; matched: number }>(
      'dead',
      'redrive',
      '--all',
      '--rate',
      '1',
      '--yes',
    )
    expect(begun.matched).toBe(3)
    expect(await json('op', 'cancel', begun.op)).toMatchObject({ cancelled: true })
    const ended = await until(
      () => json<{ state: string; done: number; total: number }>('op', 'get', begun.op),
      ({ state }) => state === 'cancelled',
    )
    expect(ended.total).toBe(3)
    expect(ended.done).toBeLessThan(3)
    expect(await dead('--status', 'redriven')).toHaveLength(ended.done)
    expect((await refusal('op', 'cancel', begun.op)).code).toBe(5)
    expect((await refusal('op', 'get', 'nothing')).code).toBe(3)
    expect((await refusal('op', 'cancel', 'nothing')).code).toBe(3)
  })

  test('all of it stands in the log: who, why, and how it ended', async () => {
    const { operations } = await json<{
      operations: { kind: string; by: string; reason: string }[]
    }>('op', 'ls')
    const kinds = new Set(operations.map(({ kind }) => kind))
    expect(kinds).toEqual(new Set(['flow-set', 'cancel', 'rerun', 'redrive', 'discard']))
    expect(operations.every(({ by, reason }) => by.startsWith('cli:') && reason !== '')).toBe(true)
    expect(operations).toContainEqual(expect.objectContaining({ reason: 'more hands' }))
  })
})
