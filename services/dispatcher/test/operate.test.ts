import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createApiClient, type ApiClient, type ResponseOf } from '@waybill/api'
import { applyTopology, embeddedTopology } from '@waybill/log'
import { createClient, type Client } from '@waybill/sdk'
import {
  connectNats,
  createLogger,
  natsSettings,
  openScope,
  type OwnedScope,
} from '@waybill/service'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { temporaryServer, type TemporaryServer } from '../../../test/fixture/temporary-server.ts'
import { broken, stuck } from './fixture/app.ts'

/* What operators do at the same time, with two dispatchers and a projector as real processes. */

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

let server: TemporaryServer
let folder: string
let scope: OwnedScope
let api: ApiClient
let client: Client
let dispatchers: ChildProcess[]
const children = new Set<ChildProcess>()

const dispatcher = (instance: string): ChildProcess =>
  node(here('../src/main.ts'), [], {
    WAYBILL_APP: here('./fixture/app.ts'),
    WAYBILL_INSTANCE: instance,
  })

beforeEach(async () => {
  server = await temporaryServer()
  folder = await mkdtemp(join(tmpdir(), 'waybill-operate-'))
  scope = openScope({ log: createLogger({ level: 'silent' }) })
  const settings = z.object(natsSettings).parse({ natsServers: [server.url] })
  const nc = await connectNats(scope, settings, { name: 'test' })
  await applyTopology(nc, embeddedTopology)
  await once(node(here('./fixture/deploy.ts'), [server.url]), 'exit')
  api = createApiClient(nc)
  client = await scope.use(createClient({ nc }), 'client')
  node(here('../../projector/src/main.ts'), [], {
    WAYBILL_DATA: join(folder, 'rows'),
  })
  dispatchers = ['one', 'two'].map(dispatcher)
})

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
  await scope.stop()
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

function node(
  file: string,
  args: readonly string[],
  env: Record<string, string> = {},
): ChildProcess {
  const flags = ['--conditions=@waybill/source', '--disable-warning=ExperimentalWarning']
  const child = spawn(process.execPath, [...flags, file, ...args], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'ignore'],
    env: {
      ...process.env,
      WAYBILL_NATS_SERVERS: server.url,
      WAYBILL_LOG_LEVEL: 'fatal',
      ...env,
    },
  })
  children.add(child)
  return child
}

type Entries = ResponseOf<'dlq.list'>['entries']

/** Asked again and again: other processes take their own time. */
async function untilDead(holds: (entries: Entries) => boolean): Promise<Entries> {
  let entries: Entries = []
  for (let round = 0; round < 2000; round++) {
    const page = await api.call('dlq.list', { limit: 500 }).catch(() => undefined)
    entries = page?.entries ?? entries
    if (holds(entries)) return entries
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`it never came to be: ${JSON.stringify(entries.map(({ status }) => status))}`)
}

test(
  'two operators redrive the same group at once: each entry once',
  { timeout: 60_000 },
  async () => {
    const many = 40
    await Promise.all(Array.from({ length: many }, (_, n) => client.send(broken, { n })))
    const entries = await untilDead(({ length }) => length === many)
    const [fingerprint] = new Set(entries.map((entry) => entry.fingerprint))
    const command = { app: 'shop', reason: 'mended', filter: { fingerprint } }
    const [ann, bob] = await Promise.all(
      ['ann', 'bob'].map((by) =>
        api.call('dlq.redrive', { ...command, by }, { timeoutMs: 20_000 }),
      ),
    )
    const started = [...(ann?.started ?? []), ...(bob?.started ?? [])]
    expect(new Set(started.map(({ of }) => of)).size).toBe(many)
    expect(started).toHaveLength(many)
    const declined = [...(ann?.declined ?? []), ...(bob?.declined ?? [])]
    expect(new Set(declined.map(({ code }) => code))).toEqual(new Set(['already_redriven']))

    // Each ran again and died of the same thing: as many new entries, and none twice.
    const after = await untilDead(({ length }) => length === 2 * many)
    expect(after.filter(({ status }) => status === 'redriven')).toHaveLength(many)
    const ops = await api.callEach('op.list', {})
    const done = new Map(ops.flatMap(({ operations }) => operations).map((one) => [one.id, one]))
    const redrives = [...done.values()].filter(({ kind }) => kind === 'redrive')
    expect(redrives.map(({ by }) => by).sort()).toEqual(['ann', 'bob'])
    expect(redrives.reduce((sum, one) => sum + one.done, 0)).toBe(many)
  },
)

test('nobody redrives one more than three times', { timeout: 60_000 }, async () => {
  await client.send(broken, { n: 1 })
  let [entry] = await untilDead(({ length }) => length === 1)
  const redrive = (id: string) =>
    api.call('dlq.redrive', { app: 'shop', by: 'ann', reason: 'again', ids: [id] })
  for (const times of [2, 3, 4]) {
    const { started } = await redrive(entry?.id ?? '')
    const entries = await untilDead(({ length }) => length === times)
    entry = entries.find(({ id }) => id === started[0]?.dispatch)
    expect(entry).toMatchObject({ status: 'pending' })
  }
  expect(await redrive(entry?.id ?? '')).toMatchObject({
    started: [],
    declined: [{ code: 'redrive_limit' }],
  })
})

test(
  'many are cancelled at once: those that were counted, each once',
  { timeout: 60_000 },
  async () => {
    const many = 5
    await Promise.all(Array.from({ length: many }, (_, n) => client.send(stuck, { n })))
    const count = (state: 'attempting' | 'cancelled') =>
      api.call('dispatch.count', { binding: 'wait', state: [state] }).catch(() => undefined)
    for (let round = 0; (await count('attempting'))?.count !== many; round++) {
      if (round > 2000) throw new Error('they never ran')
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const command = { app: 'shop', by: 'ann', reason: 'stuck', filter: { binding: 'wait' } }
    const foreseen = await api.call('dispatch.cancelMany', { ...command, dryRun: true })
    expect(foreseen).toMatchObject({ dryRun: true, matched: many, cancelled: 0 })
    const late = await api.call('dispatch.cancelMany', { ...command, filter: { until: 1 } })
    expect(late).toMatchObject({ matched: 0, cancelled: 0 })
    const done = await api.call('dispatch.cancelMany', command, { timeoutMs: 20_000 })
    expect(done).toMatchObject({ dryRun: false, matched: many, cancelled: many })
    expect(done.ids.toSorted()).toEqual(foreseen.ids.toSorted())
    const again = { app: 'shop', by: 'bob', reason: 'again', ids: done.ids }
    expect(await api.call('dispatch.cancelMany', again)).toMatchObject({ cancelled: 0 })
    const ops = await api.callEach('op.list', { id: done.op })
    expect(ops.flatMap(({ operations }) => operations)).toContainEqual(
      expect.objectContaining({
        kind: 'cancel',
        by: 'ann',
        state: 'done',
        total: many,
        done: many,
      }),
    )
    const { types } = await api.call('event.types', { app: 'shop' })
    expect(types).toContainEqual({
      type: 'order.stuck',
      jsonSchema: expect.objectContaining({ required: ['n'] }) as unknown,
    })
  },
)

test('work in bulk that its process did not outlive says so', { timeout: 60_000 }, async () => {
  await Promise.all([1, 2, 3].map((n) => client.send(broken, { n })))
  await untilDead(({ length }) => length === 3)
  const about = { app: 'shop', by: 'ann', reason: 'again' }
  const { op = '' } = await api.call('dlq.redrive', { ...about, filter: {}, ratePerSecond: 0.01 })
  const state = async (): Promise<string | undefined> => {
    const answers = await api.callEach('op.list', { id: op }).catch(() => [])
    const said = answers.flatMap(({ operations }) => operations.map((one) => one.state))
    return said.find((one) => one !== 'interrupted') ?? said[0]
  }
  expect(await state()).toBe('running')
  for (const child of dispatchers) child.kill('SIGKILL')
  dispatcher('three')
  for (let round = 0; round < 60 && (await state()) === undefined; round++);
  expect(await state()).toBe('interrupted')
})
