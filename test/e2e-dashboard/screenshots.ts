import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cache } from '../../infra/bootstrap/place.mjs'
import { deliveries } from '../demo/deliveries.ts'
import { post } from '../demo/post.ts'
import { end, run, start } from '../demo/processes.ts'
import { startBank } from '../demo/second/bank.ts'
import { startDev, type DevStack } from '../demo/stack.ts'
import { launchBrowser } from '../fixture/browser.ts'
import { until } from '../fixture/until.ts'
import { ask } from './ask.ts'
import { placesOf } from './places.ts'

/*
 * `npm run screenshots [-- folder]`: every page, light and dark, over a busy demo: real GitHub
 * payloads, and a second app whose bank is down, so that there is something to see everywhere.
 */

const bankApp = fileURLToPath(new URL('../demo/second/app.ts', import.meta.url))
const orders = 120
const busyWithinMs = 60_000
const viewport = { width: 1440, height: 900 }

const given = process.argv[2] ?? join(cache, 'screenshots')
const folder = resolve(process.env['INIT_CWD'] ?? process.cwd(), given)
await mkdir(folder, { recursive: true })
await using undo = new AsyncDisposableStack()
const dir = await mkdtemp(join(tmpdir(), 'waybill-screenshots-'))
undo.defer(() => rm(dir, { recursive: true, force: true }))
const { dashboard } = undo.use(await startBusyDemo(dir))
const browser = undo.use(await launchBrowser())
for (const colorScheme of ['light', 'dark'] as const) {
  await using visitor = await browser.visitor({ baseURL: dashboard, colorScheme, viewport })
  const { page } = visitor
  for (const { name, path, shows } of await placesOf(dashboard)) {
    await page.goto(path)
    await shows(page).waitFor()
    await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`) })
  }
}
console.log(folder)

type BusyDemo = Pick<DevStack, 'dashboard'> & AsyncDisposable

async function startBusyDemo(place: string): Promise<BusyDemo> {
  await using opened = new AsyncDisposableStack()
  const bank = opened.use(await startBank())
  const secret = randomBytes(24).toString('hex')
  const stack = opened.use(await startDev(place, secret))
  const surroundings = {
    dir: place,
    env: { ...process.env, NATS_URL: stack.nats, DEMO_BANK_URL: bank.url },
  }
  const deployed = await run(surroundings, ['deploy', '--app', bankApp])
  if (deployed.code !== 0) throw new Error(`deploy: ${deployed.stderr}`)
  const args = ['dispatcher', '--app', bankApp, '--instance', 'bank', '--data', join(place, 'bank')]
  const dispatcher = start(surroundings, 'bank', args)
  opened.defer(() => end(dispatcher, 'SIGTERM'))
  await Promise.all([
    post(stack.ingress, deliveries(secret, 1), () => undefined),
    placeOrders(stack.ingress),
  ])
  await untilBusy(stack.dashboard)
  await operate(stack.dashboard)
  const rest = opened.move()
  return { dashboard: stack.dashboard, [Symbol.asyncDispose]: () => rest.disposeAsync() }
}

async function placeOrders(ingress: string): Promise<void> {
  for (let order = 0; order < orders; order++) {
    const event = {
      specversion: '1.0',
      id: `order-${order}`,
      source: '/shop',
      type: 'order.placed',
    }
    const subject = `order ${order}`
    // eslint-disable-next-line no-await-in-loop -- orders come one after the other
    const answer = await fetch(`${ingress}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify({ ...event, subject, data: { order, account: `a${order % 20}` } }),
    })
    if (!answer.ok) throw new Error(`order ${order}: ${answer.status} ${await answer.text()}`)
  }
}

/** Dead letters of both apps, a circuit that holds back, and limits at which some wait. */
async function untilBusy(dashboard: string): Promise<void> {
  await until('the demo is busy', busyWithinMs, async () => {
    const { groups } = await ask(dashboard, 'dlq.groups', { limit: 20 })
    const { count } = await ask(dashboard, 'dispatch.count', { state: ['flowGated'] })
    return new Set(groups.map(({ app }) => app)).size === 2 && groups.length >= 3 && count > 0
  })
}

/** What an operator did since. */
async function operate(dashboard: string): Promise<void> {
  const triage = { app: 'triage', reason: 'the mirror moves to another host' }
  await ask(dashboard, 'binding.pause', { ...triage, binding: 'mirror-release' })
  const bank = { app: 'bank', reason: 'the bank asked for less' }
  await ask(dashboard, 'flow.set', { ...bank, limit: 'charge/concurrency', rule: { max: 4 } })
  const { entries } = await ask(dashboard, 'dlq.list', { app: 'triage', limit: 5 })
  const ids = entries.map(({ id }) => id)
  await ask(dashboard, 'dlq.redrive', { app: 'triage', ids, reason: 'the tracker is back' })
}
