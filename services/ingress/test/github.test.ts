import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { createTestIngress } from './fixture/ingress.ts'
import { githubHeaders, githubSecret, githubSignature } from './fixture/sign.ts'
import { endpoints, post } from './fixture/webhooks.ts'

const push = JSON.stringify({ ref: 'refs/heads/main', repository: { full_name: 'acme/shop' } })

test('a delivery becomes an event: type, delivery id as key, repository as subject', async () => {
  await using ingress = createTestIngress({ endpoints })
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  const headers = githubHeaders(push, {
    'user-agent': 'GitHub-Hookshot/1',
    traceparent,
    authorization: 'Bearer canary',
    cookie: 'canary',
    'x-github-token': 'canary',
  })
  const response = await post(ingress, 'gh', headers, push)
  expect(response.status).toBe(202)
  const [event] = ingress.stored()
  expect(await response.json()).toEqual({ id: event?.id })
  expect(event).toMatchObject({
    type: 'github.push',
    source: 'github:gh',
    subject: 'acme/shop',
    tenant: 'default',
    dedupeKey: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    traceparent,
    signature: { state: 'verified' },
    chain: { depth: 0, path: [] },
    data: JSON.parse(push),
  })
  expect(event?.headers).toEqual({
    'content-type': 'application/json',
    'user-agent': 'GitHub-Hookshot/1',
    'x-github-event': 'push',
    'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
  })
})

test.each([
  ['issues', { action: 'opened' }, 'github.issues.opened'],
  ['issues', { action: 'not a token' }, 'github.issues'],
  ['issues', { action: 7 }, 'github.issues'],
  ['ping', { zen: 'Keep it logically awesome.' }, 'github.ping'],
])('%s with %j is %s', async (name, payload, type) => {
  await using ingress = createTestIngress({ endpoints })
  const body = JSON.stringify(payload)
  const response = await post(ingress, 'gh', githubHeaders(body, { 'x-github-event': name }), body)
  expect(response.status).toBe(202)
  expect(ingress.stored()[0]?.type).toBe(type)
})

test('a form with the payload in it, signed as it was sent', async () => {
  await using ingress = createTestIngress({ endpoints })
  const body = new URLSearchParams({ payload: push }).toString()
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  expect((await post(ingress, 'gh', githubHeaders(body, type), body)).status).toBe(202)
  expect(ingress.stored()[0]?.data).toEqual(JSON.parse(push))
})

test("the secret of GitHub's own documentation", async () => {
  const body = 'Hello, World!'
  expect(githubSignature(body, "It's a Secret to Everybody")).toBe(
    'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
  )
})

test('while a secret is replaced both are good, and no third', async () => {
  await using ingress = createTestIngress({ endpoints })
  const signedBy = (secret: string) =>
    post(
      ingress,
      'gh',
      githubHeaders(push, { 'x-hub-signature-256': githubSignature(push, secret) }),
      push,
    )
  expect((await signedBy('old secret')).status).toBe(202)
  expect((await signedBy(githubSecret)).status).toBe(200)
  expect((await signedBy('older secret')).status).toBe(401)
})

const good = githubSignature(push)
test.each([
  ['none', undefined],
  ['empty', ''],
  ['of another body', githubSignature(`${push} `)],
  ['sha1 only', 'sha1=7d38cdd689735b008b3c702edd92eea23791c5f6'],
  ['upper case', good.toUpperCase()],
  ['too short', good.slice(0, -2)],
  ['too long', `${good}00`],
  ['not hex', `sha256=${'g'.repeat(64)}`],
  ['twice', `${good}, ${good}`],
  ['with spaces inside', good.replace('=', '= ')],
])('a signature that is %s', async (_how, signature) => {
  await using ingress = createTestIngress({ endpoints })
  const { 'x-hub-signature-256': _, ...headers } = githubHeaders(push)
  const signed =
    signature === undefined ? headers : { ...headers, 'x-hub-signature-256': signature }
  const response = await post(ingress, 'gh', signed, push)
  expect([response.status, await response.json()]).toEqual([401, { error: 'unauthorized' }])
  expect(ingress.stored()).toEqual([])
})

interface Example {
  readonly name: string
  readonly examples: readonly { readonly action?: unknown }[]
}
const examples = createRequire(import.meta.url)('@octokit/webhooks-examples') as Example[]

test('every example payload that GitHub publishes is taken, as it is', async () => {
  await using ingress = createTestIngress({ endpoints })
  const sent: [string, unknown][] = []
  for (const { name, examples: payloads } of examples) {
    for (const payload of payloads) {
      const body = JSON.stringify(payload)
      const headers = githubHeaders(body, {
        'x-github-event': name,
        'x-github-delivery': `delivery-${sent.length}`,
      })
      const response = await post(ingress, 'gh', headers, body)
      expect([name, response.status]).toEqual([name, 202])
      const action = typeof payload.action === 'string' ? `.${payload.action}` : ''
      sent.push([`github.${name}${action}`, payload])
    }
  }
  expect(sent.length).toBeGreaterThan(200)
  const stored = new Map(ingress.stored().map((event) => [event.dedupeKey, event]))
  for (const [at, [type, payload]] of sent.entries()) {
    expect(stored.get(`delivery-${at}`)).toMatchObject({ type, data: payload })
  }
})
