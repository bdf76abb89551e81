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
import { broken } from './fixture/app.ts'

/* What operators do at the same time, with two dispatchers and a projector as real processes. */

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

let server: TemporaryServer
let folder: string
let scope: OwnedScope
let api: ApiClient
let client: Client
let dispatchers: Map<string, ChildProcess>
const children = new Set<ChildProcess>()

const dispatcher = (instance: string): ChildProcess =>
  node(here('../src/main.ts'), [], {
    WAYBILL_APP: here('./fixture/app.ts'),
    WAYBILL_INSTANCE: instance,
    WAYBILL_LEASE_MS: '3000',
    WAYBILL_RENEW_EVERY_MS: '500',
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
  dispatchers = new Map(['one', 'two'].map((name) => [name, dispatcher(name)]))
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

type Op = ResponseOf<'op.list'>['operations'][number]

/** What whoever runs it says of it, and else what stands in OPS. */
async function operation(id: string): Promise<(Op & { instance: string }) | undefined> {
  const answers = await api.callEach('op.list', { id }).catch(() => [])
  const said = answers.flatMap(({ instance, operations }) =>
    operations.map((one) => ({ ...one, instance })),
  )
  return said.find(({ state }) => state !== 'interrupted') ?? said[0]
}

async function untilOperation(id: string, holds: (one: Op) => boolean) {
  for (let round = 0; round < 600; round++) {
    const one = await operation(id)
    if (one && holds(one)) return one
  }
  throw new Error(`it never came to be: ${JSON.stringify(await operation(id))}`)
}

/** Dead letters, and a redrive of all of them that is in the middle of its work. */
async function inTheMiddle(many: number, ratePerSecond: number) {
  await Promise.all(Array.from({ length: many }, (_, n) => client.send(broken, { n })))
  const entries = await untilDead(({ length }) => length === many)
  const about = { app: 'shop', by: 'ann', reason: 'again' }
  const { op = '' } = await api.call('dlq.redrive', { ...about, filter: {}, ratePerSecond })
  // Not meant by the command: it died after that.
  await client.send(broken, { n: 1000 })
  const running = await untilOperation(op, ({ done }) => done >= 5 && done < many / 2)
  return { op, running, meant: entries.map(({ id }) => id) }
}

const many = 60
test('11 redrive in bulk: killed in the middle, another dispatcher goes on, each once', async () => {
  const { op, running, meant } = await inTheMiddle(many, 10)
  const [killed = '', other = ''] = running.instance === 'one' ? ['one', 'two'] : ['two', 'one']
  dispatchers.get(killed)?.kill('SIGKILL')
  const taken = await untilOperation(op, ({ done }) => done > running.done + 5)
  expect(taken).toMatchObject({ instance: other, state: 'running', total: many, by: 'ann' })
  expect(await untilOperation(op, ({ state }) => state !== 'running')).toMatchObject({
    state: 'done',
    done: many,
    declined: 0,
  })
  const after = await untilDead(({ length }) => length === 2 * many + 1)
  const redriven = after.filter(({ status }) => status === 'redriven').map(({ id }) => id)
  expect(redriven.sort()).toEqual(meant.sort())
}, 90_000)

test('11 redrive in bulk: all killed, whoever is started again goes on, and can be stopped', async () => {
  const { op, running } = await inTheMiddle(many, 5)
  for (const child of dispatchers.values()) child.kill('SIGKILL')
  dispatcher(running.instance)
  await untilOperation(op, ({ state, done }) => state === 'running' && done > running.done)
  const command = { id: op, by: 'bob', reason: 'enough' }
  const answers = await api.callEach('op.cancel', command)
  expect(answers.map(({ cancelled }) => cancelled)).toEqual([true])
  const stopped = await untilOperation(op, ({ state }) => state !== 'running')
  expect(stopped).toMatchObject({ state: 'cancelled', note: 'by bob: enough', declined: 0 })
  const status = (wanted: string) => (entries: Entries) =>
    entries.filter((one) => one.status === wanted).length
  const after = await untilDead((entries) => status('redriven')(entries) === stopped.done)
  expect(status('pending')(after)).toBeGreaterThanOrEqual(many + 1 - stopped.done)
}, 90_000)
