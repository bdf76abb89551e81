import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTestIngress } from './fixture/ingress.ts'
import { githubHeaders, standardHeaders } from './fixture/sign.ts'
import { endpoints, post } from './fixture/webhooks.ts'

const push = JSON.stringify({ ref: 'refs/heads/main', repository: { full_name: 'acme/shop' } })

test('1,000 random changes of a signed request: none is taken', async () => {
  await using ingress = createTestIngress({ endpoints })
  const body = '{"type":"invoice.paid","data":{"id":"in_1","amount":100}}'
  const signed = [
    { name: 'gh', headers: githubHeaders(body), signs: ['x-hub-signature-256'] },
    {
      name: 'std',
      headers: standardHeaders(body),
      signs: ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
    },
  ]
  const printable = fc.integer({ min: 33, max: 126 }).map((code) => String.fromCharCode(code))
  const mutate = (text: string, at: number, how: number, char: string) => {
    const i = at % text.length
    if (how === 0) return text.slice(0, i) + text.slice(i + 1)
    return how === 1
      ? text.slice(0, i) + char + text.slice(i)
      : text.slice(0, i) + char + text.slice(i + 1)
  }
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...signed),
      fc.nat(),
      fc.nat(),
      fc.nat(2),
      printable,
      async ({ name, headers, signs }, part, at, how, char) => {
        const parts = ['body', ...signs]
        const changed = parts[part % parts.length] ?? 'body'
        const before: Record<string, string> = { ...headers, body }
        const after = { ...before, [changed]: mutate(before[changed] ?? '', at, how, char) }
        fc.pre(after[changed] !== before[changed])
        const { body: sentBody = '', ...sentHeaders } = after
        expect((await post(ingress, name, sentHeaders, sentBody)).status).toBe(401)
      },
    ),
    { numRuns: 1000 },
  )
  expect(ingress.stored()).toEqual([])
})

test('an endpoint that is not there answers as a wrong signature does, and only our log knows', async () => {
  await using ingress = createTestIngress({ endpoints })
  const wrong = await post(ingress, 'gh', githubHeaders(`${push} `), push)
  const absent = await post(ingress, 'nobody', githubHeaders(push), push)
  expect([absent.status, await absent.text()]).toEqual([wrong.status, await wrong.text()])
  expect([...absent.headers]).toEqual([...wrong.headers])
  expect(ingress.logged.map((line) => (JSON.parse(line) as { reason: string }).reason)).toEqual([
    'the signature does not fit',
    'no such endpoint',
  ])
})

test('without a verifier the event is unsigned; its order comes from where the endpoint says', async () => {
  await using ingress = createTestIngress({ endpoints })
  const body = '{"room":{"no":7}}'
  await post(ingress, 'open', { 'content-type': 'application/json' }, body)
  expect(ingress.stored()[0]).toMatchObject({
    type: 'door.opened',
    source: '/door',
    partitionKey: '7',
    signature: { state: 'unsigned' },
  })
})

test.each([
  ['nobody’s secret', { name: 'a', verifier: 'github' }],
  ['a secret for nothing', { name: 'a', verifier: 'none', secrets: ['x'] }],
  ['a secret that is none', { name: 'a', verifier: 'standard', secrets: ['whsec_?'] }],
  ['a name with a slash', { name: 'a/b', verifier: 'none' }],
  ['a setting nobody knows', { name: 'a', verifier: 'none', secert: 'x' }],
])('an endpoint with %s is refused at the start', (_what, endpoint) => {
  expect(() => createTestIngress({ endpoints: [endpoint as never] })).toThrow(/./)
})
