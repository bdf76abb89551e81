import type { HostedEventType } from '@waybill/core'
import { expect, test } from 'vitest'
import { createTestIngress, type TestIngress, type TestOptions } from './fixture/ingress.ts'

const endpoints: TestOptions['endpoints'] = [{ name: 'open', verifier: 'none' }]
const post = async (ingress: TestIngress, body: unknown, headers: Record<string, string> = {}) =>
  ingress.app.request('/webhooks/open', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

const ascending = (a: number, b: number) => a - b

test('the same thing sent twice is one event, also while the first is still being stored', async () => {
  const gate = Promise.withResolvers<void>()
  await using ingress = createTestIngress({
    endpoints,
    fault: ({ kind }) => (kind === 'send' ? { kind: 'delayed', until: gate.promise } : undefined),
  })
  const both = [post(ingress, { n: 1 }), post(ingress, { n: 1 })]
  gate.resolve()
  const [first, second] = await Promise.all(both)
  const [event] = ingress.stored()
  expect([first?.status, await first?.json()]).toEqual([202, { id: event?.id }])
  expect([second?.status, await second?.json()]).toEqual([200, { id: event?.id, duplicate: true }])
  expect(ingress.stored()).toHaveLength(1)
})

test('the same id with other content is answered as a duplicate, and the log keeps both', async () => {
  await using ingress = createTestIngress({ endpoints })
  const id = { 'webhook-id': 'msg_1' }
  expect((await post(ingress, { n: 1 }, id)).status).toBe(202)
  const other = await post(ingress, { n: 2 }, id)
  expect([other.status, await other.json()]).toMatchObject([200, { duplicate: true }])
  const [one, two] = ingress.stored()
  expect(one?.id).toBe(two?.id)
  expect(one?.digest).not.toBe(two?.digest)
})

test('what is remembered is forgotten after 24 h, or when there is too much of it', async () => {
  let now = Date.UTC(2026, 10, 20)
  await using ingress = createTestIngress({ endpoints, now: () => now })
  expect((await post(ingress, 1)).status).toBe(202)
  now += 24 * 3_600_000 - 1
  expect((await post(ingress, 1)).status).toBe(200)
  now += 1
  // The partition still knows it; this process no longer does.
  expect((await post(ingress, 1)).status).toBe(202)
  expect(ingress.stored()).toHaveLength(2)
})

const orders: HostedEventType = {
  type: 'order.placed',
  jsonSchema: {},
  check: (data) => (typeof data === 'object' ? undefined : 'data: expected an object'),
}

test('an event that is not what its type says is refused with the reason', async () => {
  await using ingress = createTestIngress({ types: [orders] })
  const send = (data: unknown) =>
    ingress.app.request('/events', {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify({
        specversion: '1.0',
        id: '1',
        source: '/s',
        type: 'order.placed',
        data,
      }),
    })
  const wrong = await send(7)
  expect([wrong.status, await wrong.json()]).toEqual([
    422,
    { error: 'unprocessable', reason: 'order.placed: data: expected an object' },
  ])
  expect(ingress.stored()).toEqual([])
  expect((await send({ id: 7 })).status).toBe(202)
})

const readyOf = async (ingress: TestIngress) => {
  const response = await ingress.app.request('/readyz')
  const { ready, checks } = (await response.json()) as {
    ready: boolean
    checks: { why?: string }[]
  }
  return { status: response.status, ready, why: checks[0]?.why }
}

test('a log that does not answer: 503, not ready, and well again as soon as it does', async () => {
  let now = Date.now()
  let broken = true
  await using ingress = createTestIngress({
    endpoints,
    ackWithinMs: 10,
    now: () => now,
    fault: () => (broken ? 'lost' : undefined),
  })
  const response = await post(ingress, { n: 1 })
  expect(response.status).toBe(503)
  expect(response.headers.get('retry-after')).toBe('5')
  expect(ingress.stored()).toEqual([])
  expect(await readyOf(ingress)).toEqual({
    status: 503,
    ready: false,
    why: 'the log did not answer within 10 ms',
  })
  broken = false
  // What was refused is stored after all; sent again it is a duplicate, and never lost.
  const again = await post(ingress, { n: 1 })
  expect([again.status, ingress.stored().length]).toEqual([200, 1])
  now += 5000
  expect(await readyOf(ingress)).toMatchObject({ ready: true })
})

test('a full log: 503 with more patience, nothing stored', async () => {
  await using ingress = createTestIngress({ endpoints, streamBytesMax: 10 })
  const response = await post(ingress, { n: 1 })
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '30'])
  expect(await response.json()).toEqual({ error: 'unavailable', reason: 'the log is full' })
  expect(ingress.stored()).toEqual([])
  expect(await readyOf(ingress)).toMatchObject({ ready: false, why: 'the log is full' })
})

test('more waiting than may: 503 at once', async () => {
  const gate = Promise.withResolvers<void>()
  await using ingress = createTestIngress({
    endpoints,
    senderLimits: { queuedItemsMax: 1 },
    fault: ({ kind }) => (kind === 'send' ? { kind: 'delayed', until: gate.promise } : undefined),
  })
  const first = post(ingress, { n: 1 })
  // Whichever of the two comes first is queued; the other one finds no room.
  const second = post(ingress, { n: 2 })
  const quick = await Promise.race([first, second])
  expect([quick.status, quick.headers.get('retry-after')]).toEqual([503, '1'])
  gate.resolve()
  expect(
    (await Promise.all([first, second])).map(({ status }) => status).toSorted(ascending),
  ).toEqual([202, 503])
  expect(ingress.stored()).toHaveLength(1)
})

test('more bodies in memory than may: 503 at once, but health still answers', async () => {
  const gate = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  await using ingress = createTestIngress({
    endpoints,
    bodiesBytesMax: 10,
    fault({ kind }) {
      if (kind !== 'send') return undefined
      begun.resolve()
      return { kind: 'delayed', until: gate.promise }
    },
  })
  const first = post(ingress, { n: 1 })
  await begun.promise
  expect((await post(ingress, { n: 2 })).status).toBe(503)
  expect((await ingress.app.request('/livez')).status).toBe(200)
  gate.resolve()
  expect((await first).status).toBe(202)
  expect((await post(ingress, { n: 2 })).status).toBe(202)
})

test('a duplicate that is known says nothing of the log', async () => {
  let now = Date.now()
  let broken = false
  await using ingress = createTestIngress({
    endpoints,
    now: () => now,
    fault: () => (broken ? 'lost' : undefined),
  })
  await post(ingress, { n: 1 })
  const storedAt = now
  broken = true
  now += 60_000
  expect((await post(ingress, { n: 1 })).status).toBe(200)
  expect(ingress.door.last.storedAt).toBe(storedAt)
})

test('an acknowledgement that is lost on the way is asked for again, not answered as a failure', async () => {
  let faults = 3
  await using ingress = createTestIngress({
    endpoints,
    fault: ({ kind }) => (kind === 'send' && faults-- > 0 ? 'ack-lost' : undefined),
  })
  expect((await post(ingress, { n: 1 })).status).toBe(202)
  expect(new Set(ingress.stored().map(({ id }) => id)).size).toBe(1)
})

test('an idle door writes to know that it can; a busy one knows', async () => {
  let now = Date.now()
  const sent: string[] = []
  await using ingress = createTestIngress({
    endpoints,
    now: () => now,
    fault: ({ kind, subject }) => void (kind === 'send' && sent.push(subject)),
  })
  expect(await readyOf(ingress)).toMatchObject({ ready: true })
  expect(sent).toEqual(['wb.op.probe'])
  await post(ingress, { n: 1 })
  now += 9000
  expect(await readyOf(ingress)).toMatchObject({ ready: true })
  now += 60_000
  expect(await readyOf(ingress)).toMatchObject({ ready: true })
  expect(sent.filter((subject) => subject === 'wb.op.probe')).toHaveLength(2)
})

test('draining is told to whoever asks, and every answer ends its connection', async () => {
  await using ingress = createTestIngress({ endpoints })
  ingress.stopping.abort()
  expect(await readyOf(ingress)).toMatchObject({ status: 503, ready: false })
  const response = await post(ingress, { n: 1 })
  expect([response.status, response.headers.get('connection')]).toEqual([202, 'close'])
})

test('what was answered is counted', async () => {
  await using ingress = createTestIngress({ endpoints })
  await post(ingress, { n: 1 })
  await post(ingress, { n: 1 })
  const metrics = await (await ingress.app.request('/metrics')).text()
  expect(metrics).toContain('waybill_ingress_requests_total{status="202"} 1')
  expect(metrics).toContain('waybill_ingress_requests_total{status="200"} 1')
})
