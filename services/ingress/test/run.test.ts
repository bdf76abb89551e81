import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type ApiError, createApiClient } from '@waybill/api'
import { decode, waybillEvent, type WaybillEvent } from '@waybill/core'
import { applyTopology, decodeBatch, openJetStreamLog, sha256, streamNames } from '@waybill/log'
import {
  connectNats,
  createLogger,
  natsSettings,
  openScope,
  type OwnedScope,
  parseConfig,
} from '@waybill/service'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { natsFixture } from '../../../test/fixture/nats.ts'
import { until } from '../../../test/fixture/until.ts'
import { ingressConfig, run } from '../src/index.ts'
import { topology } from './fixture/ingress.ts'
import { githubHeaders, githubSecret } from './fixture/sign.ts'

const nats = natsFixture()
const log = createLogger({ level: 'silent' })
let scope: OwnedScope
let client: Awaited<ReturnType<typeof connectNats>>

const settings = () => z.object(natsSettings).parse({ natsServers: [nats.url] })
const config = (more: Record<string, unknown> = {}) =>
  parseConfig(
    ingressConfig,
    {},
    {
      overrides: {
        ...settings(),
        httpPort: 0,
        instance: 'one',
        endpoints: [{ name: 'gh', verifier: 'github', secrets: [githubSecret] }],
        ...more,
      },
    },
  )

beforeEach(async () => {
  scope = openScope({ log })
  client = await connectNats(scope, settings(), { name: 'test' })
  await applyTopology(client, topology)
})
afterEach(() => scope.stop())

async function stored(): Promise<WaybillEvent[]> {
  await using reader = await openJetStreamLog({ nc: client, topology, hash: sha256 })
  const range = { stream: streamNames(topology).events, subjects: [], fromSeq: 1 }
  const messages = await Array.fromAsync(reader.read(range))
  return messages
    .flatMap(({ bytes }) => decodeBatch(bytes))
    .map((item) => waybillEvent.parse(decode(item)))
}

const deliver = (url: string, body: string, delivery: string) =>
  fetch(`${url}/webhooks/gh`, {
    method: 'POST',
    headers: githubHeaders(body, { 'x-github-delivery': delivery }),
    body,
  })

test('every way in ends in the same log, and a duplicate is known whichever way it comes', async () => {
  const { url } = await run(scope, config())
  const body = '{"repository":{"full_name":"acme/shop"}}'
  const response = await deliver(url, body, 'd-1')
  expect(response.status).toBe(202)
  const { id } = (await response.json()) as { id: string }

  const api = createApiClient(client)
  const event = { type: 'order.placed', source: '/shop', data: { total: 9 }, dedupeKey: 'o-1' }
  const sent = await api.call('event.send', { event })
  expect(sent).toMatchObject({
    duplicate: false,
    asOf: { EVENTS_g1: expect.any(Number) as number },
  })
  expect(await api.call('event.send', { event })).toEqual({ ...sent, duplicate: true })

  const same = {
    type: 'github.push',
    source: 'github:gh',
    data: JSON.parse(body) as never,
    dedupeKey: 'd-1',
  }
  expect(await api.call('event.send', { event: same })).toMatchObject({ id, duplicate: true })
  const events = (await stored()).map((each) => each.id)
  expect(events.filter((each) => each === id || each === sent.id).sort()).toEqual(
    [id, sent.id].sort(),
  )
})

test('an event sent from inside carries its chain on; one from the web cannot bring one', async () => {
  const { url } = await run(scope, config())
  const api = createApiClient(client)
  const root = `1-0-${'a'.repeat(32)}`
  const chain = { root, depth: 3, path: ['ship'], parent: `1-0-${'b'.repeat(32)}` }
  const { id } = await api.call('event.send', {
    event: { type: 'a', source: '/b', data: 1, chain },
  })
  const headers = { 'content-type': 'application/cloudevents+json', 'waybill-chain': 'x' }
  const event = { specversion: '1.0', id: '1', source: '/c', type: 'c', data: 1, chain: 'x' }
  await fetch(`${url}/events`, { method: 'POST', headers, body: JSON.stringify(event) })
  const events = await stored()
  expect(events.find((each) => each.id === id)?.chain).toEqual(chain)
  const web = events.find((each) => each.type === 'c')
  expect(web?.chain).toEqual({ root: web?.id, depth: 0, path: [] })
})

test('what cannot be an event is refused over NATS too', async () => {
  await run(scope, config({ eventBytesMax: 1000 }))
  const before = (await stored()).length
  const api = createApiClient(client)
  const send = (event: object) =>
    api.call('event.send', { event: event as never }).catch((cause: ApiError) => cause)
  expect(await send({ type: 'a.*', source: '/', data: 1 })).toMatchObject({ kind: 'invalid' })
  expect(await send({ type: 'a', source: '/', data: 'x'.repeat(2000) })).toMatchObject({
    kind: 'invalid',
  })
  expect(await stored()).toHaveLength(before)
})

test('NATS goes away: 503 and not ready; it comes back: what was sent again is there once', async () => {
  const { url } = await run(scope, config({ ackWithinMs: 200 }))
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  const before = await stored()
  await nats.server.kill('SIGKILL')
  const refused = await deliver(url, '{"n":1}', 'd-out')
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
  const unready = await until('it is not ready', 10_000, async () => {
    const ready = await fetch(`${url}/readyz`)
    return ready.status === 503 ? ready : undefined
  })
  expect(await unready.text()).toContain('the log did not answer within 200 ms')
  expect((await fetch(`${url}/livez`)).status).toBe(200)

  await nats.restart()
  const again = await until('it is taken again', 10_000, async () => {
    const response = await deliver(url, '{"n":1}', 'd-out')
    return response.status === 503 ? undefined : response
  })
  expect(again.ok).toBe(true)
  const after = await stored()
  expect(new Set(after.map(({ id }) => id)).size - new Set(before.map(({ id }) => id)).size).toBe(1)
  await until('it is ready again', 10_000, async () => (await fetch(`${url}/readyz`)).ok)
})

test('health over NATS, metrics and health on a port of their own', async () => {
  const { url } = await run(scope, config({ opsPort: 0 }))
  expect((await fetch(`${url}/metrics`)).status).toBe(404)
  const [health] = await createApiClient(client).callEach('service.health', {})
  expect(health).toMatchObject({ service: 'ingress', instance: 'one', ready: true })
})

test('without streams it does not start, and says what to do', async () => {
  const started = run(scope, config({ prefix: 'other' }))
  await expect(started).rejects.toMatchObject({ code: 'WB2101', next: 'waybill topology apply' })
})

test('event types of an app are checked at the door', async () => {
  const app = fileURLToPath(new URL('fixture/app.ts', import.meta.url))
  const { url } = await run(scope, config({ apps: [app] }))
  const send = (data: unknown) =>
    fetch(`${url}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify({
        specversion: '1.0',
        id: 'x',
        source: '/s',
        type: 'order.placed',
        data,
      }),
    })
  const wrong = await send({ total: 'nine' })
  expect(wrong.status).toBe(422)
  expect(await wrong.text()).toContain('total')
  expect((await send({ total: 9 })).status).toBe(202)
})

test('as a process: it serves, and on SIGTERM it drains and ends with 0', async () => {
  const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
  const child = spawn(process.execPath, ['--conditions=@waybill/source', main], {
    env: {
      PATH: process.env['PATH'],
      WAYBILL_NATS_SERVERS: nats.url,
      WAYBILL_INGRESS_HTTP_PORT: '0',
      WAYBILL_INGRESS_ENDPOINTS: '[{"name":"open","verifier":"none"}]',
    },
  })
  let said = ''
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      said += String(chunk)
      const found = /"url":"([^"]+)"/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('exit', () => reject(new Error(said)))
  })
  const response = await fetch(`${url}/webhooks/open`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer canary-secret' },
    body: '{"password":"canary-payload"}',
  })
  expect(response.status).toBe(202)
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(said).not.toContain('canary')
})
