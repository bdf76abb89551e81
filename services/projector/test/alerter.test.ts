import { createServer, type IncomingMessage, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createKeeper, virtualClock, type VirtualClock } from '@waybill/engine'
import { createMemoryLeases, type LeaseStore } from '@waybill/log'
import type { Deaths } from '@waybill/projections'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { type AlertNews, createAlerter } from '../src/alerts/alerter.ts'
import { createWebhook } from '../src/alerts/send.ts'
import { alertsKey, alertState } from '../src/alerts/state.ts'

/* Several projectors over one bucket, time that stands still until it is told, and a real receiver. */

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const coolDownMs = 60_000

let leases: LeaseStore
let clock: VirtualClock
let receiver: Receiver
let journal: Deaths[]

beforeEach(async () => {
  leases = createMemoryLeases()
  clock = virtualClock(1_790_000_000_000)
  receiver = await listen()
  journal = []
})
afterEach(() => receiver.close())

interface Receiver {
  readonly url: string
  /** What came in with a right signature. */
  readonly alerts: { readonly id: string; readonly data: Record<string, unknown> }[]
  status: number
  close(): void
}

async function listen(): Promise<Receiver> {
  const verifier = new Webhook(secret)
  const alerts: Receiver['alerts'] = []
  const server: Server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const headers = request.headers as Record<string, string>
      const { data } = verifier.verify(body, headers) as { data: Record<string, unknown> }
      if (it.status < 300) alerts.push({ id: headers['webhook-id'] ?? '', data })
      response.writeHead(it.status, { location: it.url }).end()
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const close = (): void => {
    server.closeAllConnections()
    server.close()
  }
  const it: Receiver = { url: `http://127.0.0.1:${port}/secret-path`, alerts, status: 204, close }
  return it
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return body
}

let dispatches = 0
function dies(fingerprint: string, entries = 1): void {
  const at = clock.now()
  const example = `1-0-${(dispatches += 1)}`
  const death = { class: 'handler', reason: 'permanent', top: 'no account', entries } as const
  const about = { fingerprint, app: 'shop', binding: 'charge@v1', firstAt: at, lastAt: at, example }
  journal.push({ ...death, ...about })
}

interface Projector {
  readonly news: AlertNews[]
  poke(): void
  stop(): Promise<void>
  /** As a process that is killed: it writes nothing any more, and says nothing. */
  kill(): void
}

function projector(instance: string): Projector {
  const news: AlertNews[] = []
  const stopping = new AbortController()
  let dead = false
  const alive = <T>(act: () => Promise<T>): Promise<T> =>
    dead ? new Promise<T>(() => undefined) : act()
  const alerter = createAlerter({
    keeper: createKeeper({
      leases: {
        get: (key) => alive(() => leases.get(key)),
        remove: (key, revision) => alive(() => leases.remove(key, revision)),
        put: (key, value, revision) => alive(() => leases.put(key, value, revision)),
      },
      clock,
      key: alertsKey(1),
      schema: alertState,
      me: { instance, incarnation: `${instance}-${(dispatches += 1)}` },
      silentMs: 30_000,
    }),
    clock,
    coolDownMs,
    senders: { webhook: createWebhook(receiver.url, secret) },
    journal: {
      createdAt: '2026-01-01T00:00:00Z',
      horizon: journal.length,
      applied: () => journal.length,
      // The n-th death of the story lies in the n-th message.
      deathsWithin: ({ after, upTo }) => Promise.resolve(journal.slice(after, upTo)),
    },
    onNews: (one) => news.push(one),
  })
  const ended = alerter.run(stopping.signal)
  onTestFinished(() => stopping.abort())
  return {
    news,
    poke: alerter.poke,
    kill: () => void (dead = true),
    async stop() {
      stopping.abort()
      await ended
    },
  }
}

/** Time goes on in steps, and everything real (sockets) has its turn between them. */
async function passes(ms: number, stepMs = 250): Promise<void> {
  for (const end = clock.now() + ms; clock.now() < end;) {
    clock.advanceTo(Math.min(end, clock.now() + stepMs))
    await turns()
  }
}

async function turns(): Promise<void> {
  for (let n = 0; n < 20; n++) await new Promise((resolve) => void setImmediate(resolve))
}

async function arrived(many: number): Promise<void> {
  for (let n = 0; n < 2000 && receiver.alerts.length < many; n++) await passes(250)
  expect(receiver.alerts).toHaveLength(many)
}

test('11 alerts: the first at once, then one at the end of each cool-down with what it held back', async () => {
  const one = projector('one')
  await passes(1000)
  dies('a', 3)
  one.poke()
  await arrived(1)
  expect(receiver.alerts[0]?.data).toMatchObject({
    app: 'shop',
    binding: 'charge@v1',
    class: 'handler',
    top: 'no account',
    entries: 3,
    heldBack: 0,
  })
  dies('a', 2)
  dies('b')
  one.poke()
  await arrived(2)
  dies('a', 5)
  one.poke()
  await passes(coolDownMs - 10_000, 1000)
  expect(receiver.alerts.map(({ data }) => data['fingerprint'])).toEqual(['a', 'b'])
  await arrived(3)
  expect(receiver.alerts[2]?.data).toMatchObject({ fingerprint: 'a', entries: 7, heldBack: 7 })
  // Nothing more died: nothing more is told, and the next death is news again.
  await passes(3 * coolDownMs, 5000)
  expect(receiver.alerts).toHaveLength(3)
  dies('a')
  one.poke()
  await arrived(4)
  expect(receiver.alerts[3]?.data).toMatchObject({ entries: 1, heldBack: 0 })
  const held = one.news.filter(({ kind }) => kind === 'held_back')
  expect(held).toEqual([
    { kind: 'held_back', entries: 2 },
    { kind: 'held_back', entries: 5 },
  ])
})

test('11 alerts: what was told of is not told again after a restart, what was missed is', async () => {
  dies('before anybody wanted alerts')
  const first = projector('one')
  await passes(1000)
  dies('a')
  first.poke()
  await arrived(1)
  dies('a')
  first.poke()
  await passes(2000)
  await first.stop()
  dies('while nobody looked')
  projector('one')
  await arrived(2)
  expect(receiver.alerts[1]?.data).toMatchObject({ fingerprint: 'while nobody looked' })
  // The cool-down goes on where it was.
  await arrived(3)
  expect(receiver.alerts[2]?.data).toMatchObject({ fingerprint: 'a', entries: 1, heldBack: 1 })
})

test('11 alerts: of several projectors one sends; when it is killed another goes on', async () => {
  const all = ['one', 'two', 'three'].map(projector)
  await passes(6000)
  dies('a')
  for (const one of all) one.poke()
  await arrived(1)
  await passes(10_000, 1000)
  expect(receiver.alerts).toHaveLength(1)
  const keeper = all.find(({ news }) => news.some(({ kind }) => kind === 'sent'))
  keeper?.kill()
  dies('b')
  for (const one of all) one.poke()
  await arrived(2)
  await passes(20_000, 1000)
  expect(receiver.alerts).toHaveLength(2)
})

test('11 alerts: a receiver that is down is tried again under the same id, later each time', async () => {
  const one = projector('one')
  await passes(1000)
  receiver.status = 503
  dies('a')
  one.poke()
  const failures = () => one.news.filter(({ kind }) => kind === 'failed')
  while (failures().length < 3) await passes(1000)
  expect(failures().map((news) => 'why' in news && news.why)).toEqual(Array(3).fill('status 503'))
  receiver.status = 204
  await arrived(1)
  expect(receiver.alerts[0]?.data).toMatchObject({ entries: 1, fingerprint: 'a' })
})

test('11 alerts: who never answers is given up in the end, and that is said', async () => {
  const one = projector('one')
  await passes(1000)
  receiver.status = 302
  dies('a')
  one.poke()
  while (!one.news.some(({ kind }) => kind === 'given_up')) await passes(5000, 1000)
  expect(one.news.filter(({ kind }) => kind === 'failed')).toHaveLength(10)
  expect(JSON.stringify(one.news)).not.toContain('secret-path')
  receiver.status = 204
  await passes(coolDownMs, 5000)
  expect(receiver.alerts).toEqual([])
})

test('11 alerts: state that cannot be reached delays them, and loses none', async () => {
  const one = projector('one')
  await passes(1000)
  const put = leases.put.bind(leases)
  leases.put = () => Promise.reject(new Error('no answer'))
  dies('a')
  one.poke()
  await passes(12_000, 1000)
  expect(one.news.map(({ kind }) => kind)).toContain('trouble')
  leases.put = put
  await arrived(1)
})
