import { createHmac } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from 'vitest'
import { z } from 'zod'
import { startDev, type DevStack } from '../demo/stack.ts'
import { openDesk, type Desk } from './desk.ts'

/** `waybill dev` with the shop, its desk, and who writes to it. */
export interface Shop extends AsyncDisposable {
  readonly stack: DevStack
  readonly desk: Desk
  /** Resolves with the event's id when it is acknowledged. */
  send(type: string, n: number): Promise<string>
  /** A signed delivery as GitHub makes it. */
  webhook(issue: number): Promise<string>
}

const secret = 'shop-webhook-secret'
const app = fileURLToPath(new URL('app.ts', import.meta.url))

async function openShop(): Promise<Shop> {
  await using undo = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'waybill-dashboard-'))
  undo.defer(() => rm(dir, { recursive: true, force: true }))
  const desk = undo.use(await openDesk())
  const stack = undo.use(await startDev(dir, secret, { app, env: { SHOP_DESK_URL: desk.url } }))
  undo.defer(() => desk.letGo())
  const rest = undo.move()
  let sent = 0
  return {
    stack,
    desk,
    send: (type, n) =>
      post(`${stack.ingress}/events`, {
        specversion: '1.0',
        id: String(++sent),
        source: '/shop',
        type,
        data: { n },
      }),
    webhook(issue) {
      const body = { action: 'opened', issue: { number: issue, title: 'Spelling' } }
      const signature = createHmac('sha256', secret).update(JSON.stringify(body)).digest('hex')
      return post(`${stack.ingress}/webhooks/github`, body, {
        'content-type': 'application/json',
        'x-github-event': 'issues',
        'x-github-delivery': `issue-${issue}`,
        'x-hub-signature-256': `sha256=${signature}`,
      })
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

/** `const shop = shopFixture()`: one for all tests of a file. */
export function shopFixture(): () => Shop {
  let shop: Shop | undefined
  beforeAll(async () => {
    shop = await openShop()
  })
  afterAll(() => shop?.[Symbol.asyncDispose]())
  return () => {
    if (!shop) throw new Error('shopFixture() has no shop yet: use it inside a test')
    return shop
  }
}

async function post(
  url: string,
  body: object,
  headers: Record<string, string> = { 'content-type': 'application/cloudevents+json' },
): Promise<string> {
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`)
  return accepted.parse(await answer.json()).id
}

const accepted = z.looseObject({ id: z.string() })
