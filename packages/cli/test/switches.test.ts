import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { app, openDay, until, type Day } from './operator.ts'

/*
 * What an operator switches by hand, and sees at one look: pauses, circuits, a plan, the live view.
 */

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let day: Day
beforeAll(async () => {
  day = await openDay()
})
afterAll(() => day.close())

test('a binding is paused and resumed; what came meanwhile runs then', async () => {
  expect((await day.refusal('binding', 'pause')).code).toBe(2)
  expect((await day.refusal('binding', 'pause', 'nope')).code).toBe(3)
  expect((await day.refusal('binding', 'resume', 'fragile')).code).toBe(5)
  const dry = await day.json('binding', 'pause', 'fragile', '--dry-run')
  expect(dry).toMatchObject({ dryRun: true, binding: 'fragile' })
  await day.json('binding', 'pause', 'fragile', '--reason', 'not now')
  const bindings = async () =>
    (await day.json<{ bindings: Binding[] }>('binding', 'ls')).bindings.filter(
      ({ key }) => key === 'fragile@v1',
    )
  await until(bindings, ([row]) => row?.paused !== undefined)
  const { id: event } = await day.send('job.broken', 'mended')
  const [held] = await until(bindings, ([row]) => row?.paused?.events === 1)
  expect(held?.paused?.pause).toMatchObject({ reason: 'not now' })
  expect(await day.list('--event', event)).toEqual([])
  expect((await day.refusal('binding', 'pause', 'fragile')).code).toBe(5)
  await day.json('binding', 'resume', 'fragile')
  await until(
    () => day.list('--event', event),
    ([row]) => row?.state === 'succeeded',
  )
})

test('check says what a deploy would change, and who waits under it', async () => {
  await Promise.all(['h4', 'h5'].map((id) => day.send('job.held', id)))
  await until(
    () => day.limit('slow/concurrency'),
    ({ waiting }) => waiting > 0,
  )
  const changed = fileURLToPath(new URL('fixture/limits-changed.ts', import.meta.url))
  const { changed: isChanged, bindings } = await day.json<Check>(
    'binding',
    'check',
    '--app',
    changed,
  )
  expect(isChanged).toBe(true)
  expect(Object.fromEntries(bindings.map((one) => [one.binding, one.change]))).toEqual({
    call: 'removed',
    few: 'same',
    fragile: 'removed',
    slow: 'changed',
  })
  const slow = bindings.find((one) => one.binding === 'slow')
  expect(slow).toMatchObject({ from: 'slow@v1', to: 'slow@v2', fields: ['flow'] })
  expect(slow?.limits).toMatchObject([
    { limit: 'slow/concurrency', before: { max: 1 }, after: { max: 2 } },
  ])
  expect(slow?.limits[0]?.waiting).toBeGreaterThan(0)
  expect(await day.json('binding', 'check', '--app', app)).toMatchObject({ changed: false })
})

test('a circuit opens, turns back, and is closed by hand', async () => {
  expect((await day.ask('circuit', 'ls')).stderr).toContain(
    'all circuits of @app/circuit are closed',
  )
  expect((await day.refusal('circuit', 'get', 'nope/x')).code).toBe(3)
  expect((await day.refusal('circuit', 'probe', 'bank')).code).toBe(5)
  const dry = await day.json('circuit', 'open', 'bank', '--dry-run')
  expect(dry).toMatchObject({ dryRun: true })
  expect(dry).not.toHaveProperty('state')
  await day.json('circuit', 'open', 'bank', '--for', '1h', '--reason', 'they move')
  const { id: event } = await day.send('job.called', 'bank')
  const [row] = await until(
    () => day.list('--event', event),
    ([one]) => one?.held !== undefined,
  )
  expect(row?.state).toBe('retryWait')
  expect(row?.held?.why).toMatch(/^turned back by @app\/circuit .* until 2/)
  expect(await day.json('circuit', 'get', 'bank')).toMatchObject({
    state: 'open',
    manual: { reason: 'they move' },
  })
  // Who waits, in whichever partition, is let through, and finds that nobody answers.
  await day.json('circuit', 'probe', '@app/circuit:bank')
  await until(
    () => day.list('--event', event),
    ([one]) => one?.state === 'dlq',
  )
  const again = await day.json<{ id: string }>('send', 'job.called', '{"id":"bank","n":2}')
  await until(
    () => day.list('--event', again.id),
    ([one]) => one?.held !== undefined,
  )
  expect(await day.json('circuit', 'close', 'bank')).toMatchObject({ state: 'closed' })
  // Closed by hand it wakes who waits.
  await until(
    () => day.list('--event', again.id),
    ([one]) => one?.state === 'dlq',
  )
})

test('top tells all of it at once', async () => {
  const top = await day.json<Top>('top', '--once')
  expect(top).toMatchObject({ app: 'shop', attempting: 1 })
  expect(top.waiting.find((one) => one.limit === 'slow/concurrency')?.waiting).toBeGreaterThan(0)
  expect(top.dead).toBeGreaterThan(0)
  expect(top.partitions).toHaveLength(4)
  const shown = await day.ask('top', '--once')
  expect(shown.stdout).toContain('slow/concurrency')
  expect(shown.code).toBe(0)
})

interface Top {
  readonly attempting: number
  readonly dead: number
  readonly waiting: readonly { readonly limit: string; readonly waiting: number }[]
  readonly partitions: readonly object[]
}
interface Binding {
  readonly key: string
  readonly paused?: { readonly events: number; readonly pause?: object }
}
interface Check {
  readonly changed: boolean
  readonly bindings: readonly {
    readonly binding: string
    readonly change: string
    readonly limits: readonly { readonly limit: string; readonly waiting: number }[]
  }[]
}
