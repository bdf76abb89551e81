import { CloudEvent, HTTP, type Message } from 'cloudevents'
import { expect, test } from 'vitest'
import { createTestIngress, type TestIngress } from './fixture/ingress.ts'

type Body = NonNullable<RequestInit['body']>

const send = async (
  ingress: TestIngress,
  headers: Record<string, string>,
  body: string | Uint8Array | undefined,
) =>
  ingress.app.request('/events', {
    method: 'POST',
    headers,
    ...(body === undefined ? {} : { body: body as Body }),
  })
const sendMessage = (ingress: TestIngress, { headers, body }: Message<unknown>) =>
  send(ingress, headers as Record<string, string>, body as string)

const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
const attributes = {
  specversion: '1.0',
  id: 'evt-1',
  source: '/shop/42',
  type: 'com.acme.order.placed',
  subject: 'order 7 für Eva',
  time: '2026-11-20T10:00:00.123Z',
  dataschema: 'https://acme.example/order.json',
  partitionkey: 'order-7',
  traceparent: trace,
  sequence: 12,
}
const expected = {
  type: 'com.acme.order.placed',
  source: '/shop/42',
  subject: 'order 7 für Eva',
  dedupeKey: 'evt-1',
  time: Date.parse('2026-11-20T10:00:00.123Z'),
  partitionKey: 'order-7',
  traceparent: trace,
  signature: { state: 'unsigned' },
}
const percentEncoded = (text: string) => encodeURIComponent(text)

test('structured: attributes become fields, the rest is kept', async () => {
  await using ingress = createTestIngress()
  const type = { 'content-type': 'application/cloudevents+json; charset=UTF-8' }
  const body = JSON.stringify({
    ...attributes,
    datacontenttype: 'application/json',
    data: { total: 9 },
  })
  const response = await send(ingress, type, body)
  expect(response.status).toBe(202)
  const [event] = ingress.stored()
  expect(await response.json()).toEqual({ id: event?.id })
  expect(event).toMatchObject({
    ...expected,
    data: { total: 9 },
    headers: { 'ce-sequence': '12', 'ce-dataschema': attributes.dataschema },
  })
})

test('binary: the same event, the same id', async () => {
  await using ingress = createTestIngress()
  const headers = Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      `ce-${name}`,
      percentEncoded(String(value)),
    ]),
  )
  const response = await send(
    ingress,
    { ...headers, 'content-type': 'application/json' },
    '{"total":9}',
  )
  expect(response.status).toBe(202)
  const [event] = ingress.stored()
  expect(event).toMatchObject({ ...expected, data: { total: 9 } })

  const again = JSON.stringify({ ...attributes, data: { total: 9 } })
  const type = { 'content-type': 'application/cloudevents+json' }
  const repeated = await send(ingress, type, again)
  expect([repeated.status, await repeated.json()]).toEqual([
    200,
    { id: event?.id, duplicate: true },
  ])
})

test.each([0, false, '', null, [], {}])('data that is %j is not lost', async (data) => {
  await using ingress = createTestIngress()
  const type = { 'content-type': 'application/cloudevents+json' }
  await send(ingress, type, JSON.stringify({ ...attributes, data }))
  expect(ingress.stored()[0]?.data).toEqual(data)
})

test('bytes stay bytes', async () => {
  await using ingress = createTestIngress()
  const { sequence: _, ...plain } = attributes
  const type = { 'content-type': 'application/cloudevents+json' }
  await send(ingress, type, JSON.stringify({ ...plain, id: 'a', data_base64: 'AP+A' }))
  const headers = { 'ce-specversion': '1.0', 'ce-id': 'b', 'ce-source': '/s', 'ce-type': 't' }
  await send(
    ingress,
    { ...headers, 'content-type': 'application/octet-stream' },
    Uint8Array.of(0, 255, 128),
  )
  await send(ingress, { ...headers, 'ce-id': 'c', 'content-type': 'text/plain' }, 'grüezi')
  await send(ingress, { ...headers, 'ce-id': 'd' }, undefined)
  const data = new Map(ingress.stored().map((event) => [event.dedupeKey, event.data]))
  expect(data.get('a')).toEqual(Uint8Array.of(0, 255, 128))
  expect(data.get('b')).toEqual(Uint8Array.of(0, 255, 128))
  expect(data.get('c')).toBe('grüezi')
  expect(data.get('d')).toBe(null)
})

test('whatever the SDK sends is understood', async () => {
  await using ingress = createTestIngress()
  const make = (id: string) => new CloudEvent({ ...attributes, subject: 'x', id, data: { n: 1 } })
  expect((await sendMessage(ingress, HTTP.binary(make('a')))).status).toBe(202)
  expect((await sendMessage(ingress, HTTP.structured(make('b')))).status).toBe(202)
  expect(ingress.stored().map(({ data }) => data)).toEqual([{ n: 1 }, { n: 1 }])
})

const batch = { 'content-type': 'application/cloudevents-batch+json' }

test('a batch is answered with the id of each, in order', async () => {
  await using ingress = createTestIngress()
  const events = ['a', 'b', 'a'].map((id) => ({ ...attributes, id, data: 1 }))
  const response = await send(ingress, batch, JSON.stringify(events))
  expect(response.status).toBe(202)
  const stored = new Map(ingress.stored().map((event) => [event.dedupeKey, event.id]))
  expect(await response.json()).toEqual({
    events: [
      { id: stored.get('a') },
      { id: stored.get('b') },
      { id: stored.get('a'), duplicate: true },
    ],
  })
  expect(stored.size).toBe(2)
  expect((await send(ingress, batch, JSON.stringify(events))).status).toBe(200)
  expect(ingress.stored()).toHaveLength(2)
})

test.each([
  ['without id', 400, { id: undefined }],
  ['of an odd type', 422, { type: 'a/b' }],
  ['too large', 413, { data: 'x'.repeat(300 * 1024) }],
  ['that cannot be stored', 400, { data: JSON.parse('{"__proto__":1}') as unknown }],
])('one event %s and none of the batch is stored', async (_how, status, wrong) => {
  await using ingress = createTestIngress()
  const good = { ...attributes, data: 1 }
  const response = await send(
    ingress,
    batch,
    JSON.stringify([good, { ...good, id: 'b', ...wrong }]),
  )
  expect(response.status).toBe(status)
  expect(((await response.json()) as { reason: string }).reason).toMatch(/^event 1: /)
  expect(ingress.stored()).toEqual([])
})

test('an empty batch is none; more than 1,000 are too many', async () => {
  await using ingress = createTestIngress()
  expect((await send(ingress, batch, '[]')).status).toBe(200)
  const many = JSON.stringify(
    Array.from({ length: 1001 }, (_, id) => ({ ...attributes, id: String(id) })),
  )
  expect((await send(ingress, batch, many)).status).toBe(413)
})
