import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { single, startStack, type Single, type Stack } from '../chaos/stack.ts'
import { browserFixture } from '../fixture/browser.ts'
import { until } from '../fixture/until.ts'
import { startDashboard, type Dashboard } from './dashboard.ts'
import { visit } from './visit.ts'

/*
 * What the page is connected to goes away and comes back, each a process of its own: the page says
 * so, goes on by itself, and shows every dispatch once.
 */

let stack: Stack
let nats: Single
let dashboard: Dashboard
const undo = new AsyncDisposableStack()
const browser = browserFixture()

beforeAll(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'waybill-outage-'))
  undo.defer(() => rm(dir, { recursive: true, force: true }))
  nats = await single(join(dir, 'nats'), { sync: 'default' })
  stack = undo.use(await startStack(dir, nats))
  dashboard = undo.use(await startDashboard(dir, nats.direct))
})
afterAll(() => undo.disposeAsync())

const patienceMs = 30_000
/** Two dispatches an event at least, and all rows are to be seen at once. */
const some = 5
const tall = { width: 1280, height: 2400 }

test('nats-server, and then the dashboard, are killed', { timeout: 90_000 }, async () => {
  const visitor = await browser.visitor({ baseURL: dashboard.url, viewport: tall })
  visitor.context.setDefaultTimeout(patienceMs)
  // The console's own lines for requests that found nobody.
  visitor.tolerate(/Failed to load resource/)
  const { page, stayed } = await visit(visitor, '/dispatches')
  const status = page.getByRole('banner').getByRole('status')
  await status.getByText('live').waitFor()
  await send(0)
  await untilSame(page, some)

  await nats.server.kill('SIGKILL')
  await status.getByText('server lost NATS').waitFor()
  const sent = send(some)
  await nats.start()
  await status.getByText('live').waitFor()
  await sent
  await untilSame(page, 2 * some)

  await dashboard.kill()
  await status.getByText('reconnecting').waitFor()
  await send(2 * some)
  await dashboard.start()
  await status.getByText('live').waitFor()
  await untilSame(page, 3 * some)
  await stayed()
})

/** Resolves when all are acknowledged; each is tried until it is. */
async function send(from: number): Promise<void> {
  const numbers = Array.from({ length: some }, (_, at) => from + at)
  const type = 'application/cloudevents+json'
  await Promise.all(
    numbers.map((n) =>
      until(`event ${n} is acknowledged`, patienceMs, async () => {
        const event = { specversion: '1.0', id: String(n), source: '/outage', type: 'chaos.work' }
        const answer = await fetch(`${stack.ingress}/events`, {
          method: 'POST',
          headers: { 'content-type': type },
          body: JSON.stringify({ ...event, data: { n, pad: '' } }),
        }).catch(() => undefined)
        return answer?.ok === true
      }),
    ),
  )
}

/** What the server has is on the page, all of it, each once, and says the same. */
async function untilSame(page: Page, events: number): Promise<void> {
  const fresh = page.getByRole('button', { name: /^\d+ new$/ })
  const wrong = async (): Promise<object> => {
    const there = await onServer()
    if (await fresh.isVisible()) await fresh.click()
    const here = await onPage(page)
    return {
      tooFew: there.length < 2 * events,
      open: there.filter((one) => !one.endsWith(' succeeded')),
      missing: there.filter((one) => !here.includes(one)),
      doubled: here.filter((one, at) => here.indexOf(one) !== at),
    }
  }
  const none = { tooFew: false, open: [], missing: [], doubled: [] }
  await expect.poll(wrong, { timeout: patienceMs }).toEqual(none)
}

const listed = z.object({
  dispatches: z.array(z.looseObject({ id: z.string(), state: z.string() })),
})

async function onServer(): Promise<string[]> {
  const answer = await fetch(`${dashboard.url}/api/v1/dispatch.list?limit=500`)
  if (!answer.ok) return []
  const { dispatches } = listed.parse(await answer.json())
  return dispatches.map(({ id, state }) => `${shown.exec(id)?.[0]} ${state}`)
}

async function onPage(page: Page): Promise<string[]> {
  const rows = page.getByRole('row').filter({ has: page.getByRole('checkbox') })
  const texts = await rows.allInnerTexts()
  return texts.map(
    (text) => `${shown.exec(text)?.[0]} ${/\bsucceeded\b/.exec(text)?.[0] ?? 'not yet'}`,
  )
}

/** What rows show of an id. */
const shown = /\d+-\d+-[0-9a-f]{8}/
