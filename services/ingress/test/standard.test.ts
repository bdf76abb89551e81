import { expect, test } from 'vitest'
import { createTestIngress } from './fixture/ingress.ts'
import { standardHeaders } from './fixture/sign.ts'
import { endpoints, post } from './fixture/webhooks.ts'

const body = '{"type":"invoice.paid","timestamp":"2026-11-20T10:00:00Z","data":{"id":"in_1"}}'

test('an envelope of type, timestamp and data is the event’s own', async () => {
  await using ingress = createTestIngress({ endpoints })
  expect((await post(ingress, 'std', standardHeaders(body), body)).status).toBe(202)
  const [event] = ingress.stored()
  expect(event).toMatchObject({
    type: 'invoice.paid',
    source: 'webhook:std',
    tenant: 'acme',
    dedupeKey: 'msg_1',
    time: Date.parse('2026-11-20T10:00:00Z'),
    signature: { state: 'verified' },
    data: { id: 'in_1' },
  })
  expect(JSON.stringify(event)).not.toContain('v1,')
})

test.each(['{"type":"a b","data":1}', '{"type":"a","data":1,"more":2}', '[1]', '"text"', '7'])(
  'any other JSON is the data, whole: %s',
  async (other) => {
    await using ingress = createTestIngress({ endpoints })
    expect((await post(ingress, 'std', standardHeaders(other), other)).status).toBe(202)
    expect(ingress.stored()[0]).toMatchObject({ type: 'webhook.std', data: JSON.parse(other) })
  },
)

const minute = 60_000
const good = standardHeaders(body)
test.each([
  ['by the second secret', standardHeaders(body, { secret: 'whsec_c2Vjb25kIHNlY3JldCBvZiBvdXJz' })],
  ['almost too long ago', standardHeaders(body, { atMs: Date.now() - 4 * minute })],
  ['with a clock before ours', standardHeaders(body, { atMs: Date.now() + 4 * minute })],
  [
    'several times, one of them good',
    { ...good, 'webhook-signature': `v1,AAAA v1a,BBBB ${good['webhook-signature']}` },
  ],
])('signed %s: taken', async (_how, headers) => {
  await using ingress = createTestIngress({ endpoints })
  expect((await post(ingress, 'std', headers, body)).status).toBe(202)
})

const without = (name: keyof typeof good) =>
  Object.fromEntries(Object.entries(good).filter(([other]) => other !== name))
test.each([
  ['too long ago', standardHeaders(body, { atMs: Date.now() - 6 * minute })],
  ['in the future', standardHeaders(body, { atMs: Date.now() + 6 * minute })],
  ['by somebody else', standardHeaders(body, { secret: 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' })],
  ['for another body', standardHeaders(`${body} `)],
  ['without id', without('webhook-id')],
  ['without timestamp', without('webhook-timestamp')],
  ['without signature', without('webhook-signature')],
  ['with an odd timestamp', { ...good, 'webhook-timestamp': `${good['webhook-timestamp']}x` }],
  ['with more behind it', { ...good, 'webhook-signature': `${good['webhook-signature']},x` }],
  [
    'as another version',
    { ...good, 'webhook-signature': good['webhook-signature'].replace('v1,', 'v2,') },
  ],
  [
    'twice in one header',
    { ...good, 'webhook-signature': `${good['webhook-signature']}, v1,AAAA` },
  ],
  ['for another id', { ...good, 'webhook-id': 'msg_2' }],
])('signed %s: refused without a reason', async (_how, headers) => {
  await using ingress = createTestIngress({ endpoints })
  const response = await post(ingress, 'std', headers, body)
  expect([response.status, await response.json()]).toEqual([401, { error: 'unauthorized' }])
  expect(ingress.stored()).toEqual([])
})

test('bytes that are not UTF-8 cannot share a signature with what replaces them', async () => {
  await using ingress = createTestIngress({ endpoints })
  const replaced = '{"name":"\ufffd"}'
  const bytes = Buffer.from(replaced).toString('latin1').replace('\xef\xbf\xbd', '\xff')
  const response = await post(
    ingress,
    'std',
    standardHeaders(replaced),
    Buffer.from(bytes, 'latin1'),
  )
  expect(response.status).toBe(401)
})
