import { gzipSync } from 'node:zlib'
import { createTestIngress } from '../../services/ingress/test/fixture/ingress.ts'
import { githubHeaders, githubSecret } from '../../services/ingress/test/fixture/sign.ts'
import type { Chance } from './chance.ts'
import { texts } from './corpus.ts'
import { must, never, verdictOf, type Door } from './door.ts'
import { mutated, mutatedBytes, mutatedText } from './mutate.ts'

const token = 'a-token-of-some-length'
const ingress = createTestIngress({
  endpoints: [
    { name: 'gh', verifier: 'github', secrets: [githubSecret] },
    { name: 'open', verifier: 'none' },
  ],
  eventsTokens: [token],
})

/** The routes of ingress on a memory log: whatever comes, the answer is 2xx or 4xx. */
export const http: Door = {
  isTyped: never,
  prepare(chance) {
    const { path, headers, body } = requestOf(chance)
    const request = new Request(`http://x${path}`, { method: 'POST', headers: sane(headers), body })
    return async () => {
      const { status } = await ingress.app.request(request)
      must(status < 500, `answered ${status}`)
      return verdictOf(status < 300)
    }
  },
}

interface Sent {
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: Uint8Array<ArrayBuffer>
}

function requestOf(chance: Chance): Sent {
  const cloudEvent = { specversion: '1.0', id: '1', source: '/s', type: 't', data: { a: 1 } }
  const valid = Buffer.from(JSON.stringify(cloudEvent))
  const odd = Buffer.from(jsonOf(mutated(chance, cloudEvent)))
  const body = Uint8Array.from(chance.oneIn(3) ? mutatedBytes(chance, valid) : odd)
  const routes: readonly Sent[] = [
    { path: '/webhooks/open', headers: { 'content-type': 'application/json' }, body },
    { path: '/webhooks/gh', headers: githubHeaders(body), body },
    {
      path: '/webhooks/open',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: Uint8Array.from(gzipSync(body)),
    },
    {
      path: '/events',
      headers: { 'content-type': 'application/cloudevents+json', authorization: `Bearer ${token}` },
      body,
    },
    {
      path: '/events',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${token}`,
        ...Object.fromEntries(
          ['specversion', 'id', 'source', 'type'].map((name) => [`ce-${name}`, chance.pick(texts)]),
        ),
      },
      body,
    },
  ]
  const route = chance.pick(routes)
  if (!chance.oneIn(3)) return route
  const name = chance.pick(Object.keys(route.headers))
  const text = mutatedText(chance, route.headers[name] ?? '')
  return { ...route, headers: { ...route.headers, [name]: text } }
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? ''
  } catch {
    return '{'
  }
}

/** What the server's parser would never pass on, `Headers` refuses too. */
function sane(headers: Record<string, string>): Headers {
  const kept = new Headers()
  for (const [name, text] of Object.entries(headers)) {
    kept.set(name, text.replaceAll(/[^\t\u0020-\u007e\u0080-\u00ff]/g, '').slice(0, 8192))
  }
  return kept
}
