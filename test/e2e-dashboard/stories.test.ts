import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { browserFixture } from '../fixture/browser.ts'
import { askEach, post } from './ask.ts'
import { startDashboard } from './dashboard.ts'
import { shopFixture } from './shop.ts'
import { visit, type Visit } from './visit.ts'

/*
 * What an on-call engineer does, in a real browser before a real `waybill dev`. Nothing is ever
 * loaded anew: what is waited for comes by itself.
 */

const shop = shopFixture()
const browser = browserFixture()
/** A list that is read, and told of what comes. */
async function listed(page: Page): Promise<void> {
  await page.getByRole('banner').getByText('live', { exact: true }).waitFor()
  await page.getByText(/as of \d+/).waitFor()
}
const open = async (path: string): Promise<Visit> =>
  visit(await browser.visitor({ baseURL: shop().stack.dashboard }), path)

test('a dead letter, from the overview through its replay to a redrive that succeeds', async () => {
  const { desk, send } = shop()
  desk.now('charge', 'refuses')
  const { page, dialog, order, stayed } = await open('/')
  const nothing = page.getByText('Nothing. No dead letters')
  await nothing.waitFor()
  await send('order.placed', 1)
  await page.getByRole('link', { name: '1 dead letter of charge' }).click()
  await page.getByRole('heading', { name: 'the charge desk is closed' }).waitFor()
  await page.getByRole('grid', { name: 'dead letters' }).getByRole('link').first().click()
  await page.getByRole('link', { name: 'replay' }).click()

  // Where it is at its end, and as it was at its beginning: the state, the graph, the record.
  await page.getByText('replays the same').waitFor()
  await page.getByRole('img', { name: /now in dlq/ }).waitFor()
  await page.getByRole('group', { name: /^dlq permanent/ }).waitFor()
  await page.getByRole('row', { name: 'state "attempting" "dlq"' }).waitFor()
  await page.getByRole('slider', { name: 'transition' }).press('Home')
  await page.getByRole('img', { name: /now in (received|flowGated)/ }).waitFor()
  await page.getByRole('group', { name: /^dlq permanent/ }).waitFor({ state: 'detached' })
  expect(new URL(page.url()).searchParams.get('at')).toBe('0')
  await page.getByRole('button', { name: 'a transition on' }).click()
  await page.getByRole('img', { name: /now in attempting/ }).waitFor()
  await page.getByRole('group', { name: /^dispatch charge@v1 attempt 1, running/ }).waitFor()

  desk.now('charge', 'serves')
  await page.getByRole('button', { name: 'Redrive …' }).click()
  await order('Dry run', 'the desk is open again')
  await dialog.getByText('Dry run: It would be redriven.').waitFor()
  expect(await page.getByRole('main').getByText('dlq: permanent').count()).toBe(1)
  await order('Redrive it', 'the desk is open again')
  await dialog.getByText('It is redriven.').waitFor()
  await dialog.getByRole('link', { name: /^Open/ }).click()
  await page.getByRole('definition').filter({ hasText: 'charge@v1' }).waitFor()
  await page.getByRole('main').getByText('succeeded', { exact: true }).first().waitFor()
  await page.getByRole('link', { name: 'Overview', exact: true }).click()
  await nothing.waitFor()
  await stayed()
})

test('a limit is raised, and what waited for it starts', async () => {
  const { desk, send } = shop()
  desk.now('ship', 'holds up')
  for (const n of [1, 2, 3]) await send('parcel.ready', n)
  const { page, dialog, order, stayed } = await open('/flow')
  const limit = page.getByRole('row').filter({ hasText: 'ship/concurrency' })
  await limit.getByText('1 / 1').waitFor()
  await limit.getByRole('button', { name: 'change ship/concurrency' }).click()
  await dialog.getByLabel(/most|max|at once/i).fill('2')
  await order('Dry run', 'two parcels fit the cart')
  await dialog.getByText('Dry run: ship/concurrency would be').waitFor()
  await order('Change', 'two parcels fit the cart')
  await dialog.getByText('accepted').waitFor()
  await dialog.getByRole('button', { name: 'Close', exact: true }).click()
  await limit.getByText('2 / 2').waitFor()
  await limit.getByText('set by hand').waitFor()
  desk.now('ship', 'serves')
  await limit.getByText('0 / 2').waitFor()
  await stayed()
})

test('a paused binding holds what comes, and runs it when it is resumed', async () => {
  const { send } = shop()
  const { page, dialog, order, stayed } = await open('/bindings')
  const binding = page.getByRole('row').filter({ has: page.getByRole('link', { name: 'file' }) })
  await binding.getByRole('button', { name: 'pause file' }).click()
  await order('Pause', 'the archive moves')
  await dialog.getByText('file is paused.').waitFor()
  await dialog.getByRole('button', { name: 'Close', exact: true }).click()
  await binding.getByText('the archive moves').waitFor()
  const event = await send('note.written', 1)
  await binding.getByText('holds 1 event').waitFor()
  await page.getByRole('link', { name: 'Events', exact: true }).click()
  await page.getByRole('link', { name: event.slice(0, 12) }).click()
  await page.getByText('paused').first().waitFor()
  await page.getByRole('link', { name: 'Bindings', exact: true }).click()
  await binding.getByRole('button', { name: 'resume file' }).click()
  await order('Resume', 'the archive has moved')
  await dialog.getByText('file is resumed.').waitFor()
  await dialog.getByRole('button', { name: 'Close', exact: true }).click()
  await binding.getByText('active').waitFor()
  await page.getByRole('link', { name: 'Dispatches', exact: true }).click()
  const row = page.getByRole('row').filter({ hasText: 'file@v1' })
  await row.getByText('succeeded').waitFor()
  await stayed()
})

test('many are chosen by a filter and cancelled: counted, tried dry, and done', async () => {
  const { desk, send } = shop()
  desk.now('wait', 'holds up')
  const many = 12
  const { page, dialog, order, stayed } = await open('/dispatches')
  await listed(page)
  for (let n = 0; n < many; n++) await send('job.asked', n)
  await page.getByRole('button', { name: `${many} new` }).click()
  await page.getByRole('combobox', { name: 'binding' }).fill('wait')
  await page.getByRole('button', { name: /^attempting/ }).click()
  await page.getByText(`${many} · as of`).waitFor()
  const rows = page.getByRole('grid', { name: 'dispatches' }).getByRole('row')
  await rows.nth(1).getByRole('checkbox').check()
  const selected = page.getByRole('region', { name: 'selected' })
  await selected.getByText('1 selected').waitFor()
  await selected.getByRole('button', { name: /^Select all that fit/ }).click()
  await selected.getByText(`${many} selected`).waitFor()
  await selected.getByRole('button', { name: `Cancel ${many} …` }).click()
  await dialog.getByText('by filter: state attempting, binding wait').waitFor()
  await dialog.getByLabel(`Type ${many} to go on`).fill(String(many))
  await order('Dry run', 'asked by mistake')
  await dialog.getByText(`Dry run: ${many} dispatches would be cancelled.`).waitFor()
  await order(`Cancel ${many}`, 'asked by mistake')
  await dialog.getByText(`${many} of ${many}`).waitFor()
  await dialog.getByRole('button', { name: 'Close', exact: true }).click()
  // Rows do not move away under the cursor: they say what became of them.
  await page.getByRole('button', { name: 'attempting 0' }).waitFor()
  await page.getByRole('button', { name: `cancelled ${many}` }).waitFor()
  await expect.poll(() => rows.filter({ hasText: 'asked by mistake' }).count()).toBe(many)
  await page.getByRole('button', { name: 'cancelled' }).click()
  await page.getByRole('button', { name: 'attempting' }).click()
  await expect.poll(() => new URL(page.url()).searchParams.get('state')).toBe('cancelled')
  await page.getByText(`${many} · as of`).waitFor()
  await stayed()
})

test('a webhook appears, moves through its states, and its graph grows', async () => {
  const { desk, webhook } = shop()
  desk.now('triage', 'holds up')
  const { page, stayed } = await open('/dispatches')
  await listed(page)
  await webhook(7)
  await page.getByRole('button', { name: '1 new' }).click()
  const row = page.getByRole('row').filter({ hasText: 'github.issues.opened' })
  await row.getByText('attempting').waitFor()
  await row.getByRole('link').click()
  await page.getByRole('tab', { name: 'Graph' }).click()
  await page.getByRole('button', { name: 'The whole chain' }).click()
  const nodes = page.getByRole('application').getByRole('group')
  await page.getByRole('group', { name: /^dispatch triage@v1 attempt 1, running/ }).waitFor()
  const before = await nodes.count()
  desk.now('triage', 'serves')
  await page.getByRole('group', { name: /^dispatch triage@v1 attempt 1, completed/ }).waitFor()
  await page.getByRole('group', { name: /^dispatch thank@v1 attempt 1, completed/ }).waitFor()
  expect(await nodes.count()).toBeGreaterThan(before)
  await page.getByRole('main').getByText('succeeded', { exact: true }).first().waitFor()
  await stayed()
})

const tokens = {
  viewer: 'viewer-token-0123456789',
  operator: 'operator-token-0123456789',
} as const

test('a viewer sees no commands, and the server refuses who has no right, and says why', async () => {
  const { desk, send, stack } = shop()
  const users = Object.entries(tokens).map(([role, token]) => ({
    name: `the ${role}`,
    role,
    token,
  }))
  await using dashboard = await startDashboard(stack.surroundings.dir, stack.nats, {
    WAYBILL_DASHBOARD_TOKENS: JSON.stringify(users),
  })
  const visitor = await browser.visitor({ baseURL: dashboard.url })
  const { page } = visitor
  desk.now('charge', 'refuses')
  await send('order.placed', 100)
  await page.goto('/')
  await page.getByLabel('Token').fill(tokens.viewer)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('the viewer').waitFor()
  await page.getByRole('link', { name: /dead letter.* of charge/ }).waitFor()
  const commands = page.getByRole('main').getByRole('button', {
    name: /redrive|rerun|cancel \d|pause|resume|change|discard|hold open|close|probe/i,
  })
  const pages = page.getByRole('navigation', { name: 'pages' })
  for (const [name, there] of [
    ['Flow', 'ship/concurrency'],
    ['Circuits', '@app/circuit'],
    ['Bindings', 'order.placed'],
    ['Dispatches', 'dlq: permanent'],
    ['Dead letters', 'the charge desk is closed'],
  ] as const) {
    await pages.getByRole('link', { name }).click()
    await page.getByRole('main').getByText(there).first().waitFor()
    expect(await commands.count()).toBe(0)
    expect(await page.getByRole('main').getByRole('checkbox').count()).toBe(0)
  }
  await page.getByRole('link', { name: 'the charge desk is closed' }).click()
  await page.getByRole('grid', { name: 'dead letters' }).getByRole('link').first().click()
  await page.getByRole('link', { name: 'history' }).click()
  await page.getByText('hash chain intact').waitFor()
  expect(await commands.count()).toBe(0)
  await refusals(dashboard.url)
})

/** Each would pause a binding; only the last one may. */
async function refusals(url: string): Promise<void> {
  const pause = { app: 'shop', binding: 'thank', reason: 'to see who may' }
  const by = (role: keyof typeof tokens) => ({ authorization: `Bearer ${tokens[role]}` })
  const forged = { ...by('operator'), origin: 'http://evil.example' }
  const refused = [
    [{}, pause, 401, { refusal: 'signed_out' }],
    [by('viewer'), pause, 403, { refusal: 'role', where: 'binding.pause' }],
    [forged, pause, 403, { refusal: 'origin', where: 'origin' }],
    [by('operator'), { ...pause, by: 'somebody else' }, 403, { where: 'by' }],
    [
      by('operator'),
      { ...pause, reason: 7 },
      400,
      { kind: 'invalid', why: expect.stringContaining('reason') },
    ],
    [by('operator'), { ...pause, rason: 'typo' }, 400, { kind: 'invalid' }],
    [by('operator'), '{"app":"shop",', 400, { kind: 'invalid', why: 'the body is not JSON' }],
  ] as const
  for (const [headers, body, status, error] of refused) {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await post(url, 'binding.pause', text, headers)
    expect(answer).toMatchObject({ status, body: { error } })
  }
  const pausedBy = async () => {
    const answers = await askEach(shop().stack.dashboard, 'partition.status', {})
    const pauses = answers.flatMap(({ partitions }) => partitions.flatMap((one) => one.pauses))
    return [...new Set(pauses.map(({ pause: one }) => one?.by))]
  }
  expect(await pausedBy()).toEqual([])
  const done = await post(url, 'binding.pause', JSON.stringify(pause), by('operator'))
  expect(done).toMatchObject({ status: 200, body: { dryRun: false } })
  await expect.poll(pausedBy).toEqual(['the operator'])
}
