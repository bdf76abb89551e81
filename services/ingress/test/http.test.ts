import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type HttpServer, openHttpServer } from '@waybill/service'
import { createTestIngress, type TestIngress } from './fixture/ingress.ts'
import { badRequests, type Body, deep, json, kib, mib, text, token } from './fixture/bad-input.ts'
import { sendRaw } from './fixture/raw.ts'
import { githubHeaders, githubSecret } from './fixture/sign.ts'

/** The real server on a real port, in front of a memory log. */
let ingress: TestIngress
let server: HttpServer
let url: string
beforeAll(async () => {
  ingress = createTestIngress({
    endpoints: [
      { name: 'gh', verifier: 'github', secrets: [githubSecret] },
      { name: 'open', verifier: 'none' },
    ],
    eventsTokens: ['the-token-before-this-one', token],
  })
  server = await openHttpServer(ingress.app, {
    host: '127.0.0.1',
    port: 0,
    requestWithinMs: 300,
    connectionsMax: 100,
    drainMs: 1000,
  })
  url = `http://127.0.0.1:${server.port}`
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await ingress[Symbol.asyncDispose]()
})

describe('what is wrong is answered as such, nothing of it is stored, and the process lives', () => {
  test.each(Object.entries(badRequests))('%s', async (_what, [status, request]) => {
    const { path = '/webhooks/open', method = 'POST', headers = {}, body } = request
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...json, ...headers },
      ...(body === undefined ? {} : { body: (typeof body === 'function' ? body() : body) as Body }),
      ...(typeof body === 'function' ? { duplex: 'half' } : {}),
    })
    const answer = await response.text()
    expect([status, answer]).toEqual([response.status, answer])
    expect(ingress.stored()).toEqual([])
    expect((await fetch(`${url}/livez`)).status).toBe(200)
    expect(({} as { admin?: unknown }).admin).toBeUndefined()
  })

  test.each([
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01', /^$|400/],
    [
      'an endless header',
      `POST / HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(20_000)}\r\n\r\n`,
      / 431 /,
    ],
    [
      'a body shorter than it says',
      'POST /webhooks/open HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{}',
      /^$| 400 /,
    ],
    [
      'two lengths',
      'POST /webhooks/open HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}',
      / 400 /,
    ],
    [
      'length and chunks',
      'POST /webhooks/open HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      / 400 /,
    ],
    [
      'a chunk that is none',
      'POST /webhooks/open HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n',
      /^$| 400 /,
    ],
    [
      'a length that is none',
      'POST /webhooks/open HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n',
      / 400 /,
    ],
    ['no host', 'POST /webhooks/open HTTP/1.1\r\n\r\n', / 400 /],
    [
      'a host that is none',
      'POST /webhooks/open HTTP/1.1\r\nhost: a b\r\ncontent-length: 2\r\n\r\n{}',
      / 400 /,
    ],
  ])('%s', async (_what, bytes, answer) => {
    expect(await sendRaw(server.port, bytes)).toMatch(answer)
    expect(ingress.stored()).toEqual([])
    expect((await fetch(`${url}/livez`)).status).toBe(200)
  })

  test.each([
    ['headers', 'POST /webhooks/open HTTP/1.1\r\nhost: x\r\na: '],
    [
      'a body',
      'POST /webhooks/open HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
    ],
  ])(
    '%s that never end cost a connection for as long as a request may take',
    async (_what, bytes) => {
      expect(await sendRaw(server.port, bytes, { end: false })).toMatch(/^$|HTTP\/1\.1 408 /)
      expect(ingress.stored()).toEqual([])
    },
  )
})

test('signature headers that come twice are refused, each alone would have been taken', async () => {
  const body = '{}'
  const { 'x-hub-signature-256': good, ...headers } = githubHeaders(body)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const request = (...signatures: string[]) =>
    `POST /webhooks/gh HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n${lines.join('')}${signatures
      .map((signature) => `x-hub-signature-256: ${signature}\r\n`)
      .join('')}\r\n${body}`
  expect(await sendRaw(server.port, request(good, good), { end: false })).toMatch(/ 401 /)
  expect(ingress.stored()).toEqual([])
})

test('bodies up to the limits are taken, compressed or not', async () => {
  await using other = createTestIngress({ endpoints: [{ name: 'open', verifier: 'none' }] })
  const send = (body: string | Uint8Array, headers = {}) =>
    other.app.request('/webhooks/open', {
      method: 'POST',
      headers: { ...json, ...headers },
      body: body as Body,
    })
  const large = text({ text: 'x'.repeat(255 * kib) })
  const sparse = `{"a":1${' '.repeat(mib - 8)}}`
  for (const body of ['1', 'null', '""', '{}', deep(62), large, sparse]) {
    expect((await send(body)).status).toBe(202)
  }
  for (const [coding, pack] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const) {
    const response = await send(pack(`{"coding":"${coding}"}`), { 'content-encoding': coding })
    expect(response.status).toBe(202)
  }
})
