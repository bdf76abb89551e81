import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ApiErrorBody } from '@waybill/api'
import { createLogger, openScope, parseConfig } from '@waybill/service'
import { expect, onTestFinished, test, vi } from 'vitest'
import { dashboardConfig, run } from '../src/index.ts'
import { cookieOf, createTestDashboard, tokens } from './fixture/dashboard.ts'

const pause = { app: 'triage', reason: 'too loud' }

async function errorIn(response: Response): Promise<ApiErrorBody> {
  const { error } = (await response.json()) as { error: ApiErrorBody }
  return error
}

test('on loopback, with nobody to sign in, whoever it is may operate', async () => {
  const { send, asked } = createTestDashboard({ user: 'cli:eva' })
  const session = await send('GET', '/api/v1/session')
  expect(await session.json()).toEqual({
    user: { name: 'cli:eva', role: 'operator' },
    auth: 'none',
    apps: [],
    version: '0.1.0',
  })
  expect((await send('POST', '/api/v1/binding.pause', { body: pause })).status).toBe(200)
  expect(asked.at(-1)).toEqual(['binding.pause', { ...pause, by: 'cli:eva' }])
})

test.each([
  ['another origin', { origin: 'http://evil.example' }],
  ['an origin that only begins like ours', { origin: 'http://127.0.0.1:8081.evil.example' }],
  ['another port of this machine', { origin: 'http://127.0.0.1:9999' }],
  ['no origin at all', { origin: 'null' }],
  ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
  ['a page of a site beside us', { 'sec-fetch-site': 'same-site' }],
  ['a name that points here', { host: 'evil.example:8081' }],
  ['no host', { host: '' }],
])('a request from %s changes nothing and says why', async (_from, headers) => {
  const { send, asked, opened } = createTestDashboard()
  for (const response of [
    await send('POST', '/api/v1/binding.pause', { body: pause, headers }),
    await send('GET', '/api/v1/dispatch.list', { headers }),
    await send('GET', '/api/v1/live', { headers }),
    await send('DELETE', '/api/v1/session', { headers }),
  ]) {
    expect(response.status).toBe(403)
    expect(await errorIn(response)).toMatchObject({ kind: 'refused', refusal: 'origin' })
  }
  expect([asked, opened]).toEqual([[], []])
})

test('our own page, a link from elsewhere, and a forwarded port are let in', async () => {
  const { send, asked } = createTestDashboard({ hosts: ['waybill.example'] })
  const own = { origin: 'http://127.0.0.1:8081', 'sec-fetch-site': 'same-origin' }
  expect((await send('POST', '/api/v1/binding.pause', { body: pause, headers: own })).status).toBe(
    200,
  )
  for (const host of ['localhost:4444', '[::1]:8081', 'waybill.example']) {
    const headers = { host, origin: `https://${host}` }
    const response = await send('POST', '/api/v1/binding.pause', { body: pause, headers })
    expect(response.status).toBe(200)
  }
  expect(asked).toHaveLength(4)
  const link = await send('GET', '/dispatches', { headers: { 'sec-fetch-site': 'cross-site' } })
  expect(link.status).toBe(503)
})

test('every answer says what a browser may do with it', async () => {
  const { send } = createTestDashboard()
  for (const path of ['/', '/api/v1/session', '/api/v1/none', '/api/v1/live', '/%2e%2e/secret']) {
    const { headers } = await send('GET', path)
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toContain(`default-src 'self'`)
    expect(policy).toContain(`frame-ancestors 'none'`)
    expect(policy).not.toContain('unsafe')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('access-control-allow-origin')).toBeNull()
  }
})

test('who signs in gets a cookie that no script reads and no other site sends', async () => {
  const dashboard = createTestDashboard({ tokens })
  const { send, asked } = dashboard
  expect(await (await send('GET', '/api/v1/session')).json()).toMatchObject({
    user: null,
    auth: 'token',
    apps: [],
  })
  const token = 'operator-token-0123456789'
  const response = await send('POST', '/api/v1/session', { body: { token } })
  expect(await response.json()).toMatchObject({ user: { name: 'eva', role: 'operator' } })
  const cookie = response.headers.get('set-cookie') ?? ''
  expect(cookie).toMatch(/^waybill_session=[\w-]{43}; /)
  expect(cookie).toContain('HttpOnly')
  expect(cookie).toContain('SameSite=Strict')
  expect(cookie).toContain('Path=/')
  expect(cookie).not.toContain(token)
  const headers = { cookie: cookie.split(';')[0] ?? '' }
  await send('POST', '/api/v1/binding.pause', { body: pause, headers })
  expect(asked.at(-1)).toEqual(['binding.pause', { ...pause, by: 'eva' }])
  const count = asked.length
  expect((await send('DELETE', '/api/v1/session', { headers })).status).toBe(204)
  const after = await send('POST', '/api/v1/binding.pause', { body: pause, headers })
  expect([after.status, asked.length]).toEqual([401, count])
})

test('where pages may listen to NATS themselves, those who are signed in are told how', async () => {
  const liveNats = { servers: ['wss://nats.example:8443'], user: 'page', pass: 'reads' }
  const dashboard = createTestDashboard({ tokens, liveNats })
  const { send } = dashboard
  const before = await send('GET', '/api/v1/session')
  expect(await before.json()).not.toHaveProperty('live')
  expect(before.headers.get('content-security-policy')).toContain(
    `connect-src 'self' wss://nats.example:8443;`,
  )
  const headers = { cookie: await cookieOf(dashboard, 'viewer-token-0123456789') }
  const session = await send('GET', '/api/v1/session', { headers })
  expect(await session.json()).toMatchObject({ live: { kind: 'nats', ...liveNats, prefix: 'wb' } })
})

test('roles: a viewer looks, an operator acts, an approver may do both', async () => {
  const dashboard = createTestDashboard({ tokens })
  const { send } = dashboard
  const done: Record<string, number[]> = {}
  for (const { name, token } of tokens) {
    const headers = { cookie: await cookieOf(dashboard, token) }
    done[name] = [
      (await send('POST', '/api/v1/dispatch.list', { body: {}, headers })).status,
      (await send('GET', '/api/v1/live', { headers })).status,
      (await send('POST', '/api/v1/binding.pause', { body: pause, headers })).status,
    ]
  }
  expect(done).toEqual({ tom: [200, 200, 403], eva: [200, 200, 200], ada: [200, 200, 200] })
  expect((await send('GET', '/api/v1/live')).status).toBe(401)
})

test('programs sign each request with the token itself', async () => {
  const { send, asked } = createTestDashboard({ tokens })
  const headers = { authorization: 'Bearer operator-token-0123456789' }
  await send('POST', '/api/v1/binding.pause', { body: pause, headers })
  expect(asked).toEqual([['binding.pause', { ...pause, by: 'eva' }]])
})

test('guessing tokens is slow, and a session ends by itself', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const dashboard = createTestDashboard({ tokens, signInFailuresMax: 3, sessionMs: 1000 })
  const { send } = dashboard
  const cookie = await cookieOf(dashboard, 'viewer-token-0123456789')
  const guess = (token: string) => send('POST', '/api/v1/session', { body: { token } })
  for (let n = 0; n < 3; n++) expect((await guess(`wrong-token-${n}-0123456789`)).status).toBe(401)
  const right = await guess('operator-token-0123456789')
  expect([right.status, right.headers.get('retry-after')]).toEqual([429, '60'])
  const bearer = { authorization: 'Bearer operator-token-0123456789' }
  expect((await send('GET', '/api/v1/dispatch.list', { headers: bearer })).status).toBe(429)
  // Who is signed in already is not in the way of who guesses.
  expect((await send('GET', '/api/v1/dispatch.list', { headers: { cookie } })).status).toBe(200)
  vi.setSystemTime(Date.now() + 60_001)
  expect((await guess('operator-token-0123456789')).status).toBe(200)
  expect((await send('GET', '/api/v1/dispatch.list', { headers: { cookie } })).status).toBe(401)
})

test('what a rule names leaves in no answer, wherever it is', async () => {
  const secret = 's3cr3t'
  const answer = {
    dispatch: { row: { id: 'a' }, record: { state: 'dlq', token: 'ours' } },
    event: {
      headers: { Authorization: secret, 'X-Api-Key': secret, accept: '*' },
      data: {
        user: { Password: secret, name: 'eva' },
        cards: [{ number: secret, holder: 'eva' }],
        card: { number: secret },
        nested: [[{ apiKey: { deep: secret } }]],
      },
    },
    steps: [
      { input: { kind: 'result', result: { output: { access_token: secret, n: 1 } } } },
      { input: { kind: 'quarantined', bytes: new TextEncoder().encode(secret) } },
    ],
    nodes: [{ metadata: { cookie: secret } }],
  }
  const redact = ['password', 'authorization', 'x-api-key', 'access_token', 'cookie', 'api_key']
  const rules = [...redact, 'data.card.number', 'data.cards.number']
  const { send } = createTestDashboard({ redact: rules }, () => answer)
  const response = await send('GET', '/api/v1/dispatch.get?id=abc')
  const text = await response.text()
  expect(text).not.toContain(secret)
  expect(text).not.toContain(btoa(secret))
  expect(JSON.parse(text)).toEqual({
    dispatch: { row: { id: 'a' }, record: { state: 'dlq', token: 'ours' } },
    event: {
      headers: { Authorization: '[redacted]', 'X-Api-Key': '[redacted]', accept: '*' },
      data: {
        user: { Password: '[redacted]', name: 'eva' },
        cards: [{ number: '[redacted]', holder: 'eva' }],
        card: { number: '[redacted]' },
        nested: [[{ apiKey: '[redacted]' }]],
      },
    },
    steps: [
      { input: { kind: 'result', result: { output: { access_token: '[redacted]', n: 1 } } } },
      { input: { kind: 'quarantined', bytes: '[redacted]' } },
    ],
    nodes: [{ metadata: { cookie: '[redacted]' } }],
  })
})

test('what was redacted does not come back as if it were the value', async () => {
  const { send, asked } = createTestDashboard()
  const body = { ...pause, ids: ['1-1-a'], data: { user: { password: '[redacted]' } } }
  const response = await send('POST', '/api/v1/dlq.redrive', { body })
  expect(response.status).toBe(400)
  expect(await errorIn(response)).toMatchObject({ where: 'data.user.password' })
  expect(asked).toEqual([])
})

test('the page: its files, itself for every path of its own, and a word when it is not built', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-page-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { send } = createTestDashboard({ page: folder })
  const missing = await send('GET', '/')
  expect(missing.status).toBe(503)
  expect(await missing.text()).toContain('The page is not built')
  await mkdir(join(folder, 'assets'))
  await writeFile(join(folder, 'index.html'), '<title>Waybill</title>')
  await writeFile(join(folder, 'assets', 'main-abc.js'), 'export {}')
  for (const path of ['/', '/dispatches/1-3-abc?tab=log']) {
    const page = await send('GET', path)
    expect(await page.text()).toBe('<title>Waybill</title>')
    expect(page.headers.get('cache-control')).toBe('no-cache')
  }
  const asset = await send('GET', '/assets/main-abc.js')
  expect(asset.headers.get('cache-control')).toContain('immutable')
  expect(asset.headers.get('content-type')).toContain('javascript')
  for (const path of ['/assets/none.js', '/..%2f..%2fetc/passwd.txt', '/assets/%00.js']) {
    expect((await send('GET', path)).status).toBe(404)
  }
  expect((await send('POST', '/dispatches', { body: {} })).status).toBe(405)
})

test('beyond this machine it does not start without tokens', async () => {
  await using scope = openScope({ log: createLogger({ level: 'silent' }) })
  const overrides = { httpHost: '0.0.0.0', natsServers: ['nats://127.0.0.1:1'] }
  const config = parseConfig(dashboardConfig, {}, { overrides })
  await expect(run(scope, config)).rejects.toMatchObject({ code: 'WB6101', exitCode: 78 })
})

test('beyond this machine the cookie is for TLS only', async () => {
  const { send } = createTestDashboard({ httpHost: '0.0.0.0', tokens })
  const token = 'viewer-token-0123456789'
  const response = await send('POST', '/api/v1/session', { body: { token } })
  const cookie = response.headers.get('set-cookie') ?? ''
  expect(cookie).toMatch(/^__Host-waybill_session=/)
  expect(cookie).toContain('Secure')
})
