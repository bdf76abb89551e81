import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ApiClient, createApiClient, type ResponseOf } from '@waybill/api'
import type { Effect } from '@waybill/core'
import { retraceDispatch } from '@waybill/history'
import {
  applyTopology,
  embeddedTopology,
  type EventLog,
  openJetStreamLog,
  sha256,
} from '@waybill/log'
import {
  digest,
  fillStore,
  findDispatch,
  liveBundle,
  type LiveBundle,
  openSqliteStore,
  readHistory,
  toDot,
  toMermaid,
} from '@waybill/projections'
import {
  connectNats,
  createLogger,
  natsSettings,
  openScope,
  type OwnedScope,
  parseConfig,
} from '@waybill/service'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import {
  binding,
  createPlayer,
  createStage,
  type Player,
  type Stage,
} from '../../../packages/projections/test/player.ts'
import { publish } from '../../../packages/projections/test/stored.ts'
import { temporaryServer, type TemporaryServer } from '../../../test/fixture/temporary-server.ts'
import { projectorConfig, run } from '../src/index.ts'

type Row = ResponseOf<'dispatch.list'>['dispatches'][number]
type Connection = Awaited<ReturnType<typeof connectNats>>

const silent = createLogger({ level: 'silent' })
let server: TemporaryServer
let folder: string
let scope: OwnedScope
let client: Connection
let log: EventLog
let api: ApiClient
let live: Watch
let stage: Stage
let player: Player

const natsConfig = z.object(natsSettings)

beforeEach(async () => {
  server = await temporaryServer()
  folder = await mkdtemp(join(tmpdir(), 'waybill-projector-'))
  scope = openScope({ log: silent })
  client = await connectNats(scope, natsConfig.parse({ natsServers: [server.url] }), {
    name: 'test',
  })
  await applyTopology(client, embeddedTopology)
  log = await scope.use(
    openJetStreamLog({ nc: client, topology: embeddedTopology, hash: sha256 }),
    'log',
  )
  api = createApiClient(client)
  live = watch(client)
  stage = createStage()
  player = createPlayer(stage, 'triage', 0, 4)
  player.deploy([binding(), binding({ id: 'audit', on: ['push'] })])
  player.epoch()
  player.commit()
})

afterEach(async () => {
  await scope.stop()
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** A projector with a scope of its own, which a test may end before its own does. */
async function start(more: Record<string, unknown> = {}) {
  const own = openScope({ log: silent })
  onTestFinished(() => own.stop().catch(() => undefined))
  const overrides = { natsServers: [server.url], instance: 'one', data: folder, ...more }
  const running = await run(own, parseConfig(projectorConfig, {}, { overrides }))
  return { ...running, stop: () => own.stop(), signal: own.signal }
}

interface Watch {
  readonly told: readonly LiveBundle[]
  /** Resolves when a bundle of this sequence was told of. */
  seen(seq: number): Promise<LiveBundle>
}

function watch(nc: Connection): Watch {
  const told: LiveBundle[] = []
  const waiting = new Map<number, (bundle: LiveBundle) => void>()
  nc.subscribe('wb.live.>', {
    callback(_error, message) {
      const bundle = liveBundle.parse(message.json())
      expect(message.subject).toBe(`wb.live.${bundle.app}.${bundle.slot}`)
      told.push(bundle)
      waiting.get(bundle.seq)?.(bundle)
    },
  })
  return {
    told,
    seen(seq) {
      const known = told.find((bundle) => bundle.seq === seq)
      return known ? Promise.resolve(known) : new Promise((resolve) => waiting.set(seq, resolve))
    },
  }
}

/** One dispatch that fails, is tried again and ends in the dead letters, each step a bundle. */
async function dies(subject = 'acme/shop#1'): Promise<void> {
  player.send({ subject })
  player.commit()
  for (let attempt = 1; attempt <= 3; attempt++) {
    const [effect] = player.pending as [Effect]
    const error = { class: 'retryable', name: 'Error', message: `no answer ${attempt}` } as const
    player.answer(effect, { status: 'failed', error, sent: [], ms: 2 })
    stage.now += 1000
    player.settle()
    player.commit()
  }
  await publish(log, stage)
}

const lastSeq = () => stage.journal.at(-1)?.seq ?? 0

test('whoever hears of a bundle can read it, and every question is answered from the rows', async () => {
  const projector = await start()
  await dies()
  await live.seen(lastSeq())
  const asOf = { JOURNAL_g1: lastSeq() }
  const { dispatches } = await api.call('dispatch.list', { state: ['dlq'], text: 'shop#1' })
  const [row] = dispatches as [Row]
  const { id } = row
  expect(dispatches).toEqual([
    expect.objectContaining({
      binding: 'label@v1',
      state: 'dlq',
      attempt: 3,
      spent: 3,
      outcome: { status: 'dlq', reason: 'retry_exhausted' },
      error: { class: 'retryable', name: 'Error', message: 'no answer 3' },
      root: row.event,
    }),
  ])
  const got = await api.call('dispatch.get', { id: id.slice(0, 14) })
  expect(got).toMatchObject({
    dispatch: {
      row,
      partition: { app: 'triage', generation: 1, slot: 0 },
      record: { state: 'dlq', index: row.transitions },
      chain: { root: row.event, depth: 0 },
    },
    event: { id: row.event, subject: 'acme/shop#1' },
    asOf,
  })
  const history = await api.call('dispatch.history', { id, from: 1, limit: 3 })
  expect(history).toMatchObject({ verified: { result: 'intact' }, more: true, dispatch: row })
  expect(history.steps.map(({ transition }) => transition.index)).toEqual([1, 2, 3])
  expect(history.steps.map(({ transition }) => transition.to)).toEqual([
    'retryWait',
    'attempting',
    'retryWait',
  ])
  const graph = await api.call('dispatch.graph', { id, scope: 'chain' })
  expect(graph.nodes.map(({ kind }) => kind)).toEqual([
    'trigger',
    'dispatch',
    'retry',
    'dispatch',
    'retry',
    'dispatch',
    'dlq',
  ])
  expect(toMermaid(graph)).toContain('-->|dlq_move|')
  expect(toDot(graph)).toContain(`"dlq:${id}"`)
  const event = await api.call('event.get', { id: row.event })
  expect(event).toMatchObject({ event: { id: row.event }, dispatches: [row] })
  const explained = await api.call('event.explain', { id: row.event })
  expect(explained.verdicts.map(({ binding: key, verdict }) => [key, verdict])).toEqual([
    ['audit@v1', 'type_mismatch'],
    ['label@v1', 'matched'],
  ])
  const dead = await api.call('dlq.list', { text: 'no answer' })
  expect(dead.entries).toMatchObject([{ id, attempts: 3, status: 'pending', redrives: 0 }])
  const letter = await api.call('dlq.get', { id })
  expect(letter).toMatchObject({ entry: dead.entries[0], dispatch: { row }, event: event.event })
  const bindings = await api.call('binding.list', {})
  expect(bindings.bindings.map(({ key, state, open }) => [key, state, open])).toEqual([
    ['audit@v1', 'active', 0],
    ['label@v1', 'active', 0],
  ])
  const [status] = await api.callEach('projection.status', {})
  expect(status).toMatchObject({
    instance: 'one',
    rebuilding: false,
    projections: [
      { stream: 'JOURNAL_g1', applied: lastSeq(), head: lastSeq() },
      { partition: { app: 'triage', slot: 0 }, applied: lastSeq() },
    ],
    asOf,
  })
  await projector.stop()
})

test('what is not there, or not clear, is said in the words of the api', async () => {
  await start()
  await dies('one')
  await dies('two')
  await live.seen(lastSeq())
  await expect(api.call('dispatch.get', { id: '1-0-' })).rejects.toMatchObject({
    kind: 'ambiguous',
    body: { candidates: expect.arrayContaining([expect.stringMatching(/^1-0-/)]) as string[] },
  })
  await expect(api.call('dispatch.get', { id: '1-0-zzz' })).rejects.toMatchObject({
    kind: 'not_found',
  })
  await expect(api.call('event.get', { id: 'zzz' })).rejects.toMatchObject({ kind: 'not_found' })
  await expect(api.call('dispatch.list', { cursor: '?' })).rejects.toMatchObject({
    kind: 'invalid',
    body: { where: 'cursor' },
  })
})

test('started again it goes on; what came meanwhile is in the rows, and is no news', async () => {
  const first = await start()
  await dies()
  await live.seen(lastSeq())
  await first.stop()
  const told = live.told.length
  await dies('while nobody looked')
  const missed = lastSeq()
  await start()
  await dies('after')
  await live.seen(lastSeq())
  const { dispatches } = await api.call('dispatch.list', { state: ['dlq'] })
  expect(dispatches.map(({ subject }) => subject)).toEqual([
    'after',
    'while nobody looked',
    'acme/shop#1',
  ])
  const after = live.told.slice(told).map(({ seq }) => seq)
  expect(after).toEqual(after.toSorted((a, b) => a - b))
  expect(Math.min(...after)).toBeGreaterThan(missed)
  expect(new Set(live.told.map(({ seq }) => seq)).size).toBe(live.told.length)
})

test('a dispatch is decided again from its own history; another rule differs where it begins to', async () => {
  const { store } = await start()
  await dies()
  await live.seen(lastSeq())
  const { dispatches } = await api.call('dispatch.list', { state: ['dlq'] })
  const [row] = dispatches as [Row]
  const replay = await api.call('dispatch.replay', { id: row.id.slice(0, 14) })
  expect(replay).toMatchObject({ dispatch: row.id, verdict: 'same' })
  expect(replay.steps.map(({ index }) => index)).toEqual(
    Array.from({ length: row.transitions }, (_, at) => at),
  )
  const history = await readHistory({ db: store.db, log }, await findDispatch(store.db, row.id))
  const steps = history.entries.flatMap(({ entry, fact, epoch }) =>
    fact.kind === 'transition' ? [{ entry, fact, epoch }] : [],
  )
  const retry = { kind: 'fixed', delayMs: 1000, maxAttempts: 2, jitter: 'none' } as const
  const other = retraceDispatch(binding({ retry }), steps)
  // The second failure was followed by a third attempt; with two it is the end.
  expect(other.map(({ differences }) => differences.length > 0)).toEqual([
    false,
    false,
    false,
    true,
  ])
  expect(other.at(-1)?.differences).toContainEqual({
    path: 'transition.to',
    recorded: 'retryWait',
    replayed: 'dlq',
  })
})

test('what watchers were told is read again, and what the streams hold is listed', async () => {
  await start()
  await dies()
  await live.seen(lastSeq())
  const stream = 'JOURNAL_g1'
  const after = (live.told[0]?.seq ?? 0) - 1
  const first = await api.call('live.read', { stream, after, limit: 2 })
  expect(first.upTo).toBe(after + 2)
  const rest = await api.call('live.read', { stream, after: first.upTo })
  expect([...first.bundles, ...rest.bundles]).toEqual(live.told)
  expect(await api.call('live.read', { stream, after: lastSeq() })).toMatchObject({
    bundles: [],
    upTo: lastSeq(),
  })
  await expect(api.call('live.read', { stream: 'EVENTS_g1', after: 0 })).rejects.toMatchObject({
    kind: 'invalid',
  })
  const { streams } = await api.call('stream.list', {})
  expect(streams.map(({ holds }) => holds)).toContain('outcomes')
  const journal = streams.find(({ holds }) => holds === 'journal')
  expect(journal).toMatchObject({ name: stream, firstSeq: 1, lastSeq: lastSeq() })
  expect(journal?.lastAt).toBeGreaterThanOrEqual(journal?.firstAt ?? Infinity)
})

test('a server that ends and comes back is no end', async () => {
  await start()
  await dies()
  await live.seen(lastSeq())
  await server.restart('SIGKILL')
  await dies('after')
  await live.seen(lastSeq())
  const { dispatches } = await api.call('dispatch.list', { text: 'after' })
  expect(dispatches).toHaveLength(1)
})

test('one file, one projector', async () => {
  const first = await start()
  await expect(start()).rejects.toMatchObject({ name: 'StoreLocked' })
  await start({ instance: 'two' })
  await first.stop()
  await start()
})

test('a partition that is halted makes it not ready, and says so; the others go on', async () => {
  await start()
  const other = createPlayer(stage, 'triage', 1, 4)
  other.deploy([binding()])
  other.commit()
  await publish(log, stage)
  await live.seen(lastSeq())
  // Somebody wrote past us: bundle 3 after bundle 1.
  player.send()
  player.commit()
  stage.journal.pop()
  stage.seqs.set('JOURNAL_g1', lastSeq())
  player.send()
  player.commit()
  await publish(log, stage)
  other.epoch()
  other.commit()
  await publish(log, stage)
  await live.seen(lastSeq())
  const healths = await api.callEach('service.health', {})
  const health = healths.find(({ service }) => service === 'projector')
  expect(health).toMatchObject({ ready: false })
  expect(health?.checks.find(({ ok }) => !ok)).toMatchObject({
    name: 'partitions',
    why: expect.stringMatching(/^triage\/0 is halted/) as string,
  })
  const [status] = await api.callEach('projection.status', {})
  const [whole, ...partitions] = status?.projections ?? []
  expect(whole?.applied).toBe(lastSeq())
  expect(partitions.map(({ partition, applied }) => [partition?.slot, applied])).toEqual([
    [0, 1],
    [1, lastSeq()],
  ])
})

test('killed in the middle of a burst it loses nothing and doubles nothing', async () => {
  const child = spawn(
    process.execPath,
    ['--conditions=@waybill/source', '--disable-warning=ExperimentalWarning', main],
    {
      env: {
        ...process.env,
        WAYBILL_NATS_SERVERS: server.url,
        WAYBILL_INSTANCE: 'one',
        WAYBILL_DATA: folder,
        WAYBILL_LOG_LEVEL: 'warn',
      },
      stdio: 'inherit',
    },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  await untilAnswers()
  const ended = once(child, 'exit')
  const writing = (async () => {
    for (let n = 0; n < 40; n++) await dies(`burst ${n}`)
  })()
  await live.seen(30)
  child.kill('SIGKILL')
  await ended
  await writing
  const { store, projector } = await start()
  await expect.poll(async () => (await projector.look()).applied).toBe(lastSeq())
  await using again = openSqliteStore({ file: ':memory:' })
  await fillStore({ log, stream: 'JOURNAL_g1' }, again)
  expect(await digest(store.db, sha256)).toEqual(await digest(again.db, sha256))
  const { dispatches } = await api.call('dispatch.list', { state: ['dlq'], limit: 100 })
  expect(dispatches).toHaveLength(40)
})

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** A process that starts is there when it answers. */
async function untilAnswers(): Promise<void> {
  const asked = async () => (await api.callEach('projection.status', {}, { timeoutMs: 500 })).length
  await expect.poll(() => asked().catch(() => 0), { timeout: 15_000 }).toBe(1)
}
