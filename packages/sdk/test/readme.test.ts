import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { createTestBed } from '../src/testing.ts'
import { app } from './readme-flow.ts'

const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), 'utf8')

test('flow control in the README is the code that is run here', async () => {
  const code = await read('./readme-flow.ts')
  const shown = code.slice(code.indexOf('\n\n') + 2).trim()
  expect(await read('../README.md')).toContain(`\`\`\`ts\n${shown}\n\`\`\``)
})

test('and does what is said there', async () => {
  await using t = await createTestBed({ app })
  const output = async (type: string, data: unknown, dedupeKey: string) =>
    (await t.send(type, data, { dedupeKey }))[0]
  const [a, b] = [
    await output('order.placed', { id: 'A', customer: 'Ada' }, '1'),
    await output('stock.changed', { sku: 'S' }, '2'),
  ]
  const views = await Promise.all(
    Array.from({ length: 500 }, (_, at) => output('page.viewed', { page: 'x' }, `v${at}`)),
  )
  expect(a).toMatchObject({ state: 'succeeded', output: 'mail to Ada' })
  expect(b?.waitsFor?.limit).toBe('reprice/debounce')
  expect(views.filter((one) => one?.state === 'succeeded')).toMatchObject([
    { standsFor: 500, output: '500 views' },
  ])
  await t.advance('5s')
  expect(b).toMatchObject({ state: 'succeeded', output: 'price of S' })
  t.replay()
})
