import { expect, test } from 'vitest'
import { defaultTimeouts, type Rule } from '../../src/index.ts'
import { binding, gated, limitOn, setLimit } from './apps.ts'
import { expectNothingLeft } from './drain.ts'
import {
  begin,
  calm,
  end,
  factsOf,
  failed,
  fate,
  held,
  lastMove,
  opened,
  pass,
  redeploy,
  siteWith,
  spread,
} from './story.ts'
import { cancel, type World } from './world.ts'

const max = (limit: number): Rule => ({ kind: 'concurrency', max: limit })
const one = max(1)

const fates = (world: World, whom: readonly string[]): string[] =>
  whom.map((who) => fate(world, who).split(' ')[0] ?? '')

const many = (world: World, count: number, tenant = 't'): string[] =>
  Array.from({ length: count }, () => begin(world, { tenant }))

test('7.2 debounce: the newest runs after quiet, and knows how many came', () => {
  const world = opened(gated([limitOn({ kind: 'debounce', periodMs: 1000 })]))
  const row = [0, 900, 900].map((ms) => {
    pass(world, ms)
    return begin(world)
  })
  pass(world, 999)
  expect(fates(world, row)).toEqual(['skipped', 'skipped', 'flowGated'])
  pass(world, 1)
  const newest = row.at(-1) ?? ''
  expect(fate(world, newest)).toBe('attempting')
  expect(lastMove(world, newest).record.flow?.standsFor).toBe(3)
  expect(fate(world, row[0] ?? '')).toContain(`debounced (came 2, by ${row[1]})`)
})

test('7.2 debounce: a row that never rests runs after the longest wait', () => {
  const world = opened(gated([limitOn({ kind: 'debounce', periodMs: 1000, maxWaitMs: 2000 })]))
  const row = [0, 900, 900].map((ms) => {
    pass(world, ms)
    return begin(world)
  })
  pass(world, 200)
  expect(fates(world, row)).toEqual(['skipped', 'skipped', 'attempting'])
})

test('7.3 rateLimit: over it, no, with the time after which there is room again', () => {
  const world = opened(gated([limitOn({ kind: 'rateLimit', max: 2, periodMs: 1000 })]))
  begin(world)
  pass(world, 400)
  const [second, third] = many(world, 2)
  expect(fates(world, [second ?? ''])).toEqual(['attempting'])
  expect(fate(world, third ?? '')).toContain('rate_limited')
  expect(fate(world, third ?? '')).toContain('retryAfterMs 600')
  pass(world, 600)
  expect(fates(world, many(world, 2))).toEqual(['attempting', 'skipped'])
})

test('7.4 throttle: the same window, but one waits, first come first served, and not for ever', () => {
  const timeouts = { ...defaultTimeouts, scheduleToStartMs: 2500 }
  const limit = limitOn({ kind: 'throttle', max: 1, periodMs: 1000 })
  const world = opened(gated([limit], { timeouts }))
  const row = many(world, 4)
  const seen = [fates(world, row)]
  for (let second = 0; second < 3; second++) {
    pass(world, 1000)
    seen.push(fates(world, row))
  }
  expect(seen).toEqual([
    ['attempting', 'flowGated', 'flowGated', 'flowGated'],
    ['attempting', 'attempting', 'flowGated', 'flowGated'],
    ['attempting', 'attempting', 'attempting', 'flowGated'],
    ['attempting', 'attempting', 'attempting', 'dlq'],
  ])
})

test('7.5 singleton: skip turns away, replace lets the newest in once the active one has stopped', () => {
  const skip = opened(gated([limitOn({ kind: 'singleton', mode: 'skip' })]))
  const [first = '', second = ''] = many(skip, 2)
  expect(fate(skip, second)).toContain(`singleton_active (max 1, by ${first})`)
  end(skip, first)
  expectNothingLeft(skip)
  const replace = opened(gated([limitOn({ kind: 'singleton', mode: 'replace' })]))
  const [older = '', newer = ''] = many(replace, 2)
  expect(fate(replace, older)).toBe(`superseded by ${newer}`)
  expect(held(replace)).toEqual([`one/singleton ${newer}#1`])
  end(replace, newer)
  expectNothingLeft(replace)
})

test('7.6 concurrency: several limits at once, of a binding, an app and all apps', () => {
  const limits = [
    limitOn(max(3), { name: 'mine' }),
    limitOn(max(2), { name: 'ours', scope: 'app' }),
    limitOn(one, { name: 'all', scope: 'global' }),
  ]
  const world = opened(gated(limits))
  const row = many(world, 4)
  expect(fates(world, row)).toEqual(['attempting', 'flowGated', 'flowGated', 'flowGated'])
  const gates = row.map((who) => lastMove(world, who).record.flow?.why?.gate)
  expect(gates).toEqual([undefined, '@global/all', '@app/ours', 'one/mine'])
  cancel(world, siteWith(world, row[1] ?? ''), { kind: 'dispatch', dispatch: row[1] ?? '' })
  calm(world)
  expect(fates(world, row)).toEqual(['attempting', 'cancelled', 'flowGated', 'flowGated'])
  for (const at of [0, 2, 3]) end(world, row[at] ?? '')
  expect(fates(world, row)).toEqual(['succeeded', 'cancelled', 'succeeded', 'succeeded'])
  expectNothingLeft(world)
})

test('7.7 who waits for its next attempt gives permits back and takes them again', () => {
  for (const holdWhileRetrying of [false, true]) {
    const flow = { limits: [limitOn(one)], holdWhileRetrying }
    const world = opened(binding({ flow }))
    const [first = '', second = ''] = many(world, 2)
    end(world, first, failed)
    expect(fates(world, [first, second])).toEqual([
      'retryWait',
      holdWhileRetrying ? 'flowGated' : 'attempting',
    ])
    pass(world, 1000)
    expect(fates(world, [first, second])).toEqual(
      holdWhileRetrying ? ['attempting', 'flowGated'] : ['flowGated', 'attempting'],
    )
    end(world, holdWhileRetrying ? first : second)
    end(world, holdWhileRetrying ? second : first)
    expectNothingLeft(world)
  }
})

test('7.8 tenants take turns, so none waits for the backlog of another', () => {
  const world = opened(gated([limitOn(one, { scope: 'app' })]))
  const busy = many(world, 5, 'busy')
  const quiet = many(world, 2, 'quiet')
  const order: string[] = []
  for (let turn = 0; turn < 7; turn++) {
    const running = [...busy, ...quiet].find((who) => fate(world, who) === 'attempting') ?? ''
    order.push(busy.includes(running) ? 'busy' : 'quiet')
    end(world, running)
  }
  expect(order).toEqual(['busy', 'busy', 'quiet', 'busy', 'quiet', 'busy', 'busy'])
  expectNothingLeft(world)
})

test('7.9 a limit that is changed live counts at once, for those who wait, too, and outlives deploys', () => {
  for (const scope of ['binding', 'app'] as const) {
    const app = (limit: number) => gated([limitOn(max(limit), { scope })])
    const label = scope === 'app' ? '@app/concurrency' : 'one/concurrency'
    const world = opened(app(1))
    const row = many(world, 5)
    const running = () => fates(world, row).filter((state) => state === 'attempting').length
    expect(running()).toBe(1)
    setLimit(world, label, { max: 3 })
    spread(world)
    expect(running()).toBe(3)
    redeploy(world, app(5))
    expect(running()).toBe(3)
    setLimit(world, label, null)
    spread(world)
    expect(running()).toBe(5)
    setLimit(world, label, { max: 1 })
    spread(world)
    expect(fate(world, begin(world))).toBe('flowGated')
  }
})

test('a ledger in the same partition costs no letter and no entry of its own', () => {
  const keyed = gated([limitOn(one, { keyed: true })])
  const [gatedSteps, ungatedSteps] = [keyed, binding()].map((manifest) => {
    const world = opened(manifest)
    for (let sent = 0; sent < 3; sent++) end(world, begin(world, { key: 'x', partitionKey: 'x' }))
    expect(factsOf(world).filter(({ kind }) => kind === 'letter.queued')).toEqual([])
    return world.sites.map(({ stepped }) => stepped.length)
  })
  expect(gatedSteps).toEqual(ungatedSteps)
})
