import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApiClient } from '@waybill/api'
import {
  applyTopology,
  embeddedTopology,
  type EventLog,
  openJetStreamLog,
  sha256,
} from '@waybill/log'
import { liveBundle, type LiveBundle } from '@waybill/projections'
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
import { projectorConfig, run as runProjector } from '../../projector/src/index.ts'
import { dashboardConfig, run } from '../src/index.ts'
import { type Message, watch } from './fixture/watch.ts'

/* Pages that watch a real journal, through a real projector and a real server. */

const silent = createLogger({ level: 'silent' })
type Effect = Player['pending'][number]

let server: TemporaryServer
let folder: string
let scope: OwnedScope
let log: EventLog
let stage: Stage
let player: Player
/** What the projector told, as it told it. */
let told: LiveBundle[]
let heard: () => void

beforeEach(async () => {
  server = await temporaryServer()
  folder = await mkdtemp(join(tmpdir(), 'waybill-dashboard-'))
  scope = openScope({ log: silent })
  const settings = z.object(natsSettings).parse({ natsServers: [server.url] })
  const nc = await connectNats(scope, settings, { name: 'test' })
  await applyTopology(nc, embeddedTopology)
  const opening = openJetStreamLog({ nc, topology: embeddedTopology, hash: sha256 })
  log = await scope.use(opening, 'log')
  told = []
  heard = () => undefined
  nc.subscribe('wb.live.>', {
    callback(_error, message) {
      told.push(liveBundle.parse(message.json()))
      heard()
    },
  })
  stage = createStage()
  player = createPlayer(stage, 'triage', 0, 4)
  player.deploy([binding()])
  player.epoch()
  player.commit()
})

afterEach(async () => {
  await scope.stop()
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function startProjector() {
  const own = openScope({ log: silent })
  onTestFinished(() => own.stop().catch(() => undefined))
  const overrides = { natsServers: [server.url], instance: 'one', data: folder }
  await runProjector(own, parseConfig(projectorConfig, {}, { overrides }))
  return own
}

async function startDashboard(more: Record<string, unknown> = {}) {
  const own = openScope({ log: silent })
  onTestFinished(() => own.stop().catch(() => undefined))
  const overrides = { natsServers: [server.url], instance: 'one', httpPort: 0, ...more }
  const { url } = await run(own, parseConfig(dashboardConfig, {}, { overrides }))
  return { url, stop: () => own.stop() }
}

/** A dispatch begins, or one that has begun ends, each as a bundle of its own. */
async function happens(times = 1): Promise<void> {
  for (let n = 0; n < times; n++) {
    const [effect] = player.pending as [Effect | undefined]
    if (effect) player.answer(effect, { status: 'succeeded', sent: [], ms: 2 })
    else player.send({ subject: `acme/shop#${n}` })
    stage.now += 10
    player.commit()
  }
  await publish(log, stage)
}

/** What the projector told of these, once it has told of the last. */
async function toldOf(bundles: readonly LiveBundle[]): Promise<readonly LiveBundle[]> {
  const wanted = new Set(seqs(bundles))
  const all = () => told.filter(({ seq }) => wanted.has(seq))
  await new Promise<void>((resolve) => {
    heard = () => (all().length >= wanted.size ? resolve() : undefined)
    heard()
  })
  return all()
}

const lastSeq = () => stage.journal.at(-1)?.seq ?? 0
const idOf = (seq: number) => `JOURNAL_g1:${seq}`
const isBundle = (seq: number) => (message: Message) =>
  message.event === 'bundle' && message.id === idOf(seq)
const seqs = (bundles: readonly LiveBundle[]) => bundles.map(({ seq }) => seq)
const upTo = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at)

test('a page is told where it begins, then of each bundle as it is', async () => {
  await startProjector()
  const { url } = await startDashboard()
  const first = lastSeq()
  await publish(log, stage)
  const page = await watch(url)
  const status = await page.until(({ event }) => event === 'status')
  expect(status.data).toMatchObject({ connected: true, behind: 0 })
  await happens(4)
  await page.until(isBundle(lastSeq()))
  expect(seqs(page.bundles()).filter((seq) => seq > first)).toEqual(upTo(first + 1, lastSeq()))
  expect(page.bundles()).toEqual(await toldOf(page.bundles()))
})

test('after a cut each bundle comes once: from memory, and from the journal after a restart', async () => {
  await startProjector()
  const before = await startDashboard()
  const page = await watch(before.url)
  await happens(6)
  await page.until(isBundle(lastSeq()))
  const seen = page.bundles()
  page.cut()
  await happens(3)
  const again = await watch(before.url, { lastId: idOf(seen[2]?.seq ?? 0) })
  await again.until(isBundle(lastSeq()))
  expect(seqs(again.bundles())).toEqual(upTo((seen[2]?.seq ?? 0) + 1, lastSeq()))
  await before.stop()
  await again.ended
  await happens(5)
  const after = await startDashboard()
  const third = await watch(after.url, { lastId: page.lastId() })
  await third.until(isBundle(lastSeq()))
  expect(seqs([...seen, ...third.bundles()])).toEqual(upTo(seen[0]?.seq ?? 0, lastSeq()))
  // What is read from the journal is what was told when it happened.
  expect(third.bundles()).toEqual(await toldOf(third.bundles()))
  expect(third.messages.some(({ event }) => event === 'reset')).toBe(false)
})

test('what died, was run again or quarantined reads the same from the journal', async () => {
  await startProjector()
  const { url } = await startDashboard()
  const page = await watch(url)
  player.send({ subject: 'acme/shop#1' })
  player.commit()
  for (let attempt = 1; attempt <= 3; attempt++) {
    const [effect] = player.pending as [Effect]
    const error = { class: 'retryable', name: 'Error', message: `no answer ${attempt}` } as const
    player.answer(effect, { status: 'failed', error, sent: [], ms: 2 })
    stage.now += 1000
    player.settle()
    player.commit()
  }
  const [dispatch = ''] = player.partition.dead.keys()
  const who = { by: 'eva', reason: 'again' }
  player.command({ kind: 'redrive', dispatches: [dispatch], version: 'same', ...who })
  player.commit()
  await publish(log, stage)
  await page.until(isBundle(lastSeq()))
  const events = page.bundles().flatMap((bundle) => bundle.transitions.map(({ event }) => event))
  expect(events).toContain('dead.redriven')
  expect(events).not.toContain('quarantined')
  const after = await startDashboard()
  const late = await watch(after.url, { lastId: idOf(1) })
  await late.until(isBundle(lastSeq()))
  expect(seqs(late.bundles())).toEqual(upTo(2, lastSeq()))
  expect(late.bundles()).toEqual(await toldOf(late.bundles()))
})

test('a NATS server that ends and comes back: the page is told, and misses nothing', async () => {
  await startProjector()
  const { url } = await startDashboard()
  const page = await watch(url)
  await happens(2)
  await page.until(isBundle(lastSeq()))
  const restarted = server.restart('SIGKILL')
  await page.until(({ event, data }) => event === 'status' && !connectedIn(data))
  await restarted
  await happens(4)
  await page.until(isBundle(lastSeq()))
  const first = page.bundles()[0]?.seq ?? 0
  expect(seqs(page.bundles())).toEqual(upTo(first, lastSeq()))
  const lost = page.messages.findIndex(({ data }) => connectedIn(data) === false)
  await page.until((message) => {
    const at = page.messages.indexOf(message)
    return at > lost && connectedIn(message.data) === true
  })
})

const connectedIn = (data: unknown) => (data as { connected?: boolean }).connected

test('without a projector the page is told so, and goes on when one is there', async () => {
  await publish(log, stage)
  const { url } = await startDashboard({ answerWithinMs: 1000 })
  const page = await watch(url)
  const status = await page.until(({ event }) => event === 'status')
  expect(status.data).toMatchObject({ connected: false, why: 'no projector is running' })
  await startProjector()
  await page.until(({ event, data }) => event === 'status' && connectedIn(data) === true)
  await happens(1)
  await page.until(isBundle(lastSeq()))
})

test('a place that means nothing here is answered with a reset', async () => {
  await startProjector()
  const { url } = await startDashboard()
  for (const lastId of ['JOURNAL_g2:3', idOf(999_999), 'nonsense']) {
    const page = await watch(url, { lastId })
    const reset = await page.until(({ event }) => event === 'reset')
    expect(reset.data).toEqual({ why: 'the journal is another one' })
    page.cut()
  }
})

test('a page of one app hears of that app only, and comes back behind what it did not want', async () => {
  await startProjector()
  const { url } = await startDashboard()
  const page = await watch(url, { query: '?app=other' })
  const other = createPlayer(stage, 'other', 1, 4)
  other.deploy([binding()])
  other.epoch()
  other.commit()
  await happens(2)
  const own = stage.journal.filter(({ subject }) => subject.includes('.other.'))
  await page.until(isBundle(own.at(-1)?.seq ?? 0))
  await page.until(({ event, id }) => event === 'status' && id === idOf(lastSeq()))
  expect(page.bundles().every(({ app }) => app === 'other')).toBe(true)
})

test('no more pages than allowed; the contract is answered besides', async () => {
  await startProjector()
  const { url } = await startDashboard({ liveClientsMax: 1 })
  await watch(url)
  const second = await fetch(`${url}/api/v1/live`)
  expect([second.status, second.headers.get('retry-after')]).toEqual([503, '5'])
  await second.body?.cancel()
  const list = await fetch(`${url}/api/v1/dispatch.list?limit=1`)
  expect(list.status).toBe(200)
  const health = await createApiClient(await natsOf()).callEach('service.health', {})
  expect(health.map(({ service }) => service).sort()).toEqual(['dashboard', 'projector'])
})

async function natsOf() {
  const settings = z.object(natsSettings).parse({ natsServers: [server.url] })
  return connectNats(scope, settings, { name: 'asks' })
}
