import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { z } from 'zod'
import { startDashboard } from '../e2e-dashboard/dashboard.ts'
import { launchBrowser, type TestBrowser } from '../fixture/browser.ts'
import { startStack, type Stack } from './stack.ts'
import { median, percentile, round } from './usage.ts'

/*
 * What the dashboard's page feels like before a real stack: how soon a list can be used, and how
 * many frames it draws while one scrolls through all of it and so much happens. Nothing is asserted.
 */

const inFlight = 2048
const lookMs = 5000
/** A no-op dispatch is two transitions: it starts, it ends. */
const steady = 100
const flood = 600

export async function pageFeel(laps: number, rows: number): Promise<object> {
  const dir = await mkdtemp(join(tmpdir(), 'waybill-page-'))
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(dir, { recursive: true, force: true }))
  const stack = undo.use(await startStack({ sync: 'default', dispatchers: 1, projector: true }))
  await stack.ask({ kind: 'burst', count: rows, inFlight, projected: true })
  const dashboard = undo.use(await startDashboard(dir, stack.server.url))
  const browser = undo.use(await launchBrowser())
  const usable: Record<string, number> = {}
  for (const [name, path] of Object.entries({ overview: '/', dispatches: '/dispatches' })) {
    const times: number[] = []
    for (let lap = 0; lap < laps; lap++) times.push(await usableMs(browser, dashboard.url + path))
    usable[name] = round(median(times), 0)
  }
  await using visitor = await browser.visitor({ baseURL: dashboard.url })
  const { page } = visitor
  await page.goto('/dispatches')
  const began = performance.now()
  const loadedRows = await loadAll(page)
  const wholeListMs = round(performance.now() - began, 0)
  const idle = await frames(page)
  const at200 = await during(stack, page, steady)
  const at1200 = await during(stack, page, flood)
  return { rows: loadedRows, usableMs: usable, wholeListMs, idle, at200, at1200 }
}

/** From the beginning of the navigation, nothing cached, to what one came for. */
async function usableMs(browser: TestBrowser, url: string): Promise<number> {
  await using visitor = await browser.visitor()
  const { page } = visitor
  await page.goto(url)
  await page
    .getByText(/as of \d|started in 1h/)
    .first()
    .waitFor()
  await page.getByRole('banner').getByText('live', { exact: false }).first().waitFor()
  return Number(await page.evaluate('performance.now()'))
}

/** To the end of the list, page by page, as one does with the End key. */
async function loadAll(page: Page): Promise<number> {
  const grid = page.getByRole('grid', { name: 'dispatches' })
  await grid.getByRole('row').nth(1).waitFor()
  for (;;) {
    await page.keyboard.press('End')
    const count = Number(await grid.getAttribute('aria-rowcount'))
    if (count > 0) return count - 1
  }
}

async function during(stack: Stack, page: Page, perSecond: number): Promise<object> {
  const sending = stack.ask({
    kind: 'pace',
    count: (perSecond * (lookMs + 2000)) / 1000,
    perSecond,
  })
  // The rate that the page shows is over the last second.
  const shown = page.getByTitle('transitions a second')
  await shown.waitFor()
  const drawn = await frames(page)
  const rate = await shown.textContent()
  const { perSecond: sent } = await sending
  return { transitionsPerSecond: 2 * (sent ?? Number.NaN), shown: rate, ...drawn }
}

const drawn = z.array(z.number())

/** Scrolls all the while, a row a frame, and counts what is drawn. */
async function frames(page: Page): Promise<object> {
  const times = drawn.parse(
    await page.evaluate(`new Promise((done) => {
      const grid = document.querySelector('[role=grid]')
      const times = []
      let last = performance.now()
      const end = last + ${lookMs}
      const step = (now) => {
        times.push(now - last)
        last = now
        grid.scrollTop -= 40
        if (now < end) requestAnimationFrame(step)
        else done(times)
      }
      requestAnimationFrame(step)
    })`),
  )
  return {
    framesPerSecond: round((times.length * 1000) / lookMs, 1),
    frameP99Ms: round(percentile(times, 0.99), 1),
    frameWorstMs: round(Math.max(...times), 1),
  }
}
