import { createHmac } from 'node:crypto'
import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import { z } from 'zod'

/** One HTTP delivery as GitHub makes it, and what must come of it. */
export interface Delivery {
  readonly name: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array<ArrayBuffer>
  readonly expect: 'accepted' | 'duplicate' | 'rejected'
  /** Only of rejected ones. */
  readonly status?: number
}

/** Real payloads by event name. Its types are those of a bundler, so it is read as data. */
const examples = z
  .array(z.object({ name: z.string(), examples: z.array(z.unknown()) }))
  .parse(createRequire(import.meta.url)('@octokit/webhooks-examples'))

const endpoint = '/webhooks/github'
const oneIn = 10

/** The real payloads, each once; every tenth is delivered again; between them what must be refused. */
export function deliveries(secret: string, repeat: number): Delivery[] {
  const rounds = Array.from({ length: repeat }, (_, round) => good(secret, round)).flat()
  const all: Delivery[] = []
  const bad = refused(secret)
  const every = Math.floor(rounds.length / bad.length)
  for (const [at, delivery] of rounds.entries()) {
    all.push(delivery)
    if (at % oneIn === 0) all.push({ ...delivery, expect: 'duplicate' })
    const unwanted = at % every === 0 ? bad[at / every] : undefined
    if (unwanted) all.push(unwanted)
  }
  return all
}

function good(secret: string, round: number): Delivery[] {
  return examples.flatMap(({ name, examples: payloads }) =>
    payloads.map((payload, at): Delivery => {
      const body = bytes(JSON.stringify(payload))
      const id = `${round}-${name}-${at}`
      return {
        name: id,
        path: endpoint,
        headers: signed(secret, name, id, body),
        body,
        expect: 'accepted',
      }
    }),
  )
}

function refused(secret: string): Delivery[] {
  const body = bytes('{"action":"opened"}')
  const large = bytes(JSON.stringify({ action: 'opened', pad: 'x'.repeat(2 * 1024 * 1024) }))
  const bomb = new Uint8Array(gzipSync(bytes(' '.repeat(64 * 1024 * 1024))))
  const broken = bytes('{"action":')
  const make = (
    name: string,
    status: number,
    over: { body?: Uint8Array<ArrayBuffer>; headers?: Record<string, string>; path?: string },
  ): Delivery => ({
    name,
    path: over.path ?? endpoint,
    body: over.body ?? body,
    headers: over.headers ?? signed(secret, 'issues', name, over.body ?? body),
    expect: 'rejected',
    status,
  })
  const { 'x-hub-signature-256': _, ...unsigned } = signed(secret, 'issues', 'unsigned', body)
  return [
    make('wrong secret', 401, { headers: signed('not the secret', 'issues', 'wrong', body) }),
    make('no signature', 401, { headers: unsigned }),
    make('signature of another body', 401, {
      headers: signed(secret, 'issues', 'other', bytes('{"action":"closed"}')),
    }),
    make('malformed signature', 401, {
      headers: { ...unsigned, 'x-hub-signature-256': 'sha256=zz' },
    }),
    make('unknown endpoint', 401, { path: '/webhooks/nobody' }),
    make('oversized body', 413, { body: large }),
    make('gzip bomb', 413, {
      body: bomb,
      headers: { ...signed(secret, 'issues', 'bomb', bomb), 'content-encoding': 'gzip' },
    }),
    make('truncated JSON', 400, { body: broken }),
  ]
}

function signed(
  secret: string,
  event: string,
  delivery: string,
  body: Uint8Array,
): Record<string, string> {
  return {
    'content-type': 'application/json',
    'x-github-event': event,
    'x-github-delivery': delivery,
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  }
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text))
