import type { Locator, Page } from 'playwright-core'
import { expect } from 'vitest'
import type { Visitor } from '../fixture/browser.ts'

/** What the tests say of a page, in the words of who looks at it. */
export interface Visit {
  readonly page: Page
  readonly visitor: Visitor
  readonly dialog: Locator
  /** Sends the open dialog off, with a reason. */
  order(verb: string | RegExp, reason: string): Promise<void>
  /** Never once was it loaded anew. */
  stayed(): Promise<void>
}

/** Opens a page at a path; from then on it has to get along without a reload. */
export async function visit(visitor: Visitor, path: string): Promise<Visit> {
  const { page } = visitor
  await page.goto(path)
  await page.getByRole('main').getByRole('heading').first().waitFor()
  await page.evaluate(`globalThis.sinceThen = true`)
  const dialog = page.getByRole('dialog')
  return {
    page,
    visitor,
    dialog,
    async order(verb, reason) {
      await dialog.getByLabel('Reason').fill(reason)
      await dialog.getByRole('button', { name: verb, exact: true }).click()
    },
    async stayed() {
      expect(await page.evaluate(`globalThis.sinceThen === true`)).toBe(true)
    },
  }
}
