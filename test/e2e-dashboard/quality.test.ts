import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { Page, Response } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { browserFixture } from '../fixture/browser.ts'
import { fill } from './fill.ts'
import { placesOf } from './places.ts'
import { shopFixture } from './shop.ts'
import { visit, type Visit } from './visit.ts'

/* WCAG 2.2 AA as far as a tool and a keyboard can tell, on every page, light and dark; and its weight. */

const shop = shopFixture()
const browser = browserFixture()
beforeAll(() => fill(shop()))
const open = async (path: string): Promise<Visit> =>
  visit(await browser.visitor({ baseURL: shop().stack.dashboard }), path)

describe('axe finds nothing', () => {
  test('on any page', { timeout: 60_000 }, async () => {
    const { page, stayed } = await open('/')
    const found: string[] = []
    for (const { name, path, shows } of await placesOf(shop().stack.dashboard)) {
      await page.evaluate(
        `history.pushState(null, '', '${path}'); dispatchEvent(new Event('popstate'))`,
      )
      await shows(page).waitFor()
      found.push(...(await violations(page, name)))
    }
    expect(found).toEqual([])
    await stayed()
  })

  test('in a dialog, in the palette, in the table of keys', async () => {
    const { page, dialog } = await open('/flow')
    const found: string[] = []
    await page.getByRole('button', { name: 'change ship/concurrency' }).click()
    await dialog.getByLabel('Reason').waitFor()
    found.push(...(await violations(page, 'command')))
    await page.keyboard.press('Escape')
    await page.keyboard.press('Control+k')
    await dialog.getByRole('option').first().waitFor()
    found.push(...(await violations(page, 'palette')))
    await page.keyboard.press('Escape')
    await page.keyboard.press('?')
    await dialog.getByText('these keys').waitFor()
    found.push(...(await violations(page, 'keys')))
    expect(found).toEqual([])
  })
})

const axe = await readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
const rules = {
  light: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  // The rest of it does not depend on colours.
  dark: ['color-contrast', 'link-in-text-block'],
} as const
const result = z.object({
  violations: z.array(z.object({ id: z.string(), nodes: z.array(z.object({ html: z.string() })) })),
})

/** Both themes, in words that name the place. */
async function violations(page: Page, name: string): Promise<string[]> {
  if (!(await page.evaluate(`'axe' in globalThis`))) await page.evaluate(axe)
  const found: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    const answer = await page.evaluate(
      `axe.run({ resultTypes: ['violations'], runOnly: ${JSON.stringify(rules[colorScheme])} })`,
    )
    for (const { id, nodes } of result.parse(answer).violations) {
      found.push(...nodes.map(({ html }) => `${name}, ${colorScheme}: ${id}: ${html}`))
    }
  }
  return found
}

test('a walk by keyboard: nothing needs a mouse, the focus is never lost, nothing holds it', async () => {
  const { page, dialog, stayed } = await open('/')
  const { keyboard } = page
  const path = () => new URL(page.url()).pathname
  // Somewhere else: by the palette, and by its keys.
  await keyboard.press('Control+k')
  await dialog.getByRole('combobox').fill('dispatches')
  await keyboard.press('Enter')
  await page.getByRole('grid', { name: 'dispatches' }).waitFor()
  await keyboard.press('g')
  await keyboard.press('e')
  await expect.poll(path).toBe('/events')
  await keyboard.press('g')
  await keyboard.press('d')
  await expect.poll(path).toBe('/dispatches')

  // Down and up the list, choose one, open another, and come back.
  const rows = page.getByRole('grid', { name: 'dispatches' }).getByRole('row')
  await rows.nth(3).waitFor()
  await keyboard.press('j')
  await keyboard.press('j')
  await keyboard.press('k')
  await expect.poll(() => focused(page)).toContain('row')
  await keyboard.press('x')
  await page.getByRole('region', { name: 'selected' }).getByText('1 selected').waitFor()
  await keyboard.press('Enter')
  await page.getByText('hash chain intact').waitFor()
  expect(path()).toMatch(/^\/dispatches\/.+/)

  // A dialog keeps the focus, and gives it back.
  const rerun = page.getByRole('button', { name: /^(Rerun|Cancel) …/ })
  await rerun.focus()
  await keyboard.press('Enter')
  await dialog.getByLabel('Reason').waitFor()
  await expect.poll(() => focused(page)).toContain('input')
  await keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await expect.poll(() => focused(page)).toMatch(/^button .*(Rerun|Cancel) …/)
  await page.goBack()
  await expect.poll(path).toBe('/dispatches')
  await stayed()
})

const walked = ['/', '/dispatches', '/flow', '/bindings', '/dead', '/services'] as const

test.each(walked)('Tab goes through all of %s and comes out again', async (path) => {
  const { page } = await open(path)
  const seen: string[] = []
  // Whoever is at the end comes to the beginning by way of the browser's own frame.
  while (seen.length < 200) {
    await page.keyboard.press('Tab')
    const now = await focused(page)
    if (now === 'body' || now === seen[0]) break
    seen.push(now)
  }
  expect(seen[0]).toContain('Skip to the content')
  expect(seen.length).toBeGreaterThan(12)
  expect(seen.length).toBeLessThan(200)
})

/** What has the focus, in a form that tells it from the others. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(`(() => {
    const one = document.activeElement
    if (one === null || one === document.body) return 'body'
    const all = [...document.querySelectorAll('*')]
    return [one.tagName.toLowerCase(), one.className, one.textContent.slice(0, 40), all.indexOf(one)].join(' ')
  })()`)

const firstMaxBytes = 150_000

test('the first page needs less than 150 kB of script, gzipped', async () => {
  const scripts: Response[] = []
  const { page } = await browser.visitor({ baseURL: shop().stack.dashboard })
  page.on('response', (response) => {
    if (response.request().resourceType() === 'script') scripts.push(response)
  })
  await page.goto('/')
  await page.getByText('started in 1h').waitFor()
  await page.getByRole('banner').getByText('live', { exact: true }).waitFor()
  const bodies = await Promise.all(scripts.map((script) => script.body()))
  const bytes = bodies.reduce((sum, body) => sum + gzipSync(body).length, 0)
  expect(bodies.length).toBeGreaterThan(1)
  expect(bytes).toBeLessThan(firstMaxBytes)
})
