import { expect, test } from 'vitest'
import { defaultTimeouts, nextDue, type Rule } from '../../src/index.ts'
import { deploy, gated, limitOn, setLimit, versioned } from './apps.ts'
import { drain, expectNothingLeft } from './drain.ts'
import { begin, calm, factsOf, fate, ok, opened, pass } from './story.ts'
import { rebuilt, takeOver } from './takeover.ts'
import { stateOf } from '../state.ts'
import {
  answer,
  cancel,
  createWorld,
  define,
  deliver,
  send,
  sendEvent,
  siteOf,
  take,
  type Site,
  type World,
} from './world.ts'

/*
 * What the laws found, each as the shortest story that shows it.
 */

const max = (limit: number): Rule => ({ kind: 'concurrency', max: limit })
const shop = 'shop'

/** The partition of the app with the ledger of this name, and the other one. */
function homeOf(world: World, ledger: string): { home: Site; other: Site } {
  const [first, second] = [siteOf(world, shop, 0), siteOf(world, shop, 1)]
  return first.partition.ledgers.has(ledger)
    ? { home: first, other: second }
    : { home: second, other: first }
}

/** Partition keys whose events, and ledgers, are this partition's. */
function keysOf(world: World, site: Site): readonly string[] {
  return 'abcdefghijklmnop'.split('').filter((key) => {
    const { entry } = sendEvent(world, { partitionKey: key, type: 'nobody' })
    return entry.input.kind === 'event' && entry.input.head.id.startsWith(`1-${site.id.slot}-`)
  })
}

function keyOfSite(world: World, site: Site): string {
  const [key] = keysOf(world, site)
  if (key === undefined) throw new Error('no such key')
  return key
}

test('a batch of more than fits one tick closes, and the tick ends', () => {
  const world = opened(gated([limitOn({ kind: 'batch', size: 500, timeoutMs: 1000 })]))
  begin(world)
  const partitionKey = keyOfSite(world, homeOf(world, 'one/batch').home)
  drain(world)
  const all = Array.from({ length: 300 }, () => begin(world, { partitionKey }))
  pass(world, 1000)
  const fates = all.map((who) => fate(world, who))
  expect(fates.filter((one) => one === 'attempting')).toHaveLength(1)
  expect(fates.filter((one) => one.includes('batch_merged'))).toHaveLength(299)
  drain(world)
  expectNothingLeft(world)
})

test('an alarm that can do nothing in this tick does not ring in it for ever', () => {
  const debounce = limitOn({ kind: 'debounce', periodMs: 1000 }, { keyed: true })
  const world = opened(gated([debounce, limitOn({ kind: 'throttle', max: 2, periodMs: 1000 })]))
  begin(world)
  pass(world, 1000)
  const keys = keysOf(world, homeOf(world, 'one/throttle').home)
  drain(world)
  pass(world, 10_000)
  const sale = (at: number) => begin(world, { key: keys[at] ?? '', partitionKey: keys[at] ?? '' })
  const row = [sale(0), sale(1)]
  pass(world, 500)
  row.push(sale(2))
  pass(world, 500)
  row.push(sale(3))
  pass(world, 500)
  expect(row.map((who) => fate(world, who)).slice(1)).toEqual([
    'attempting',
    'flowGated',
    'flowGated',
  ])
  pass(world, 500)
  // At one time the throttle has room, and the last one comes to it out of its debounce.
  expect(row.map((who) => fate(world, who))).toEqual(row.map(() => 'attempting'))
  drain(world)
  expectNothingLeft(world)
})

test('a member of a closed batch may be cancelled before it is told', () => {
  const world = opened(gated([limitOn({ kind: 'batch', size: 500, timeoutMs: 1000 })]))
  const all = Array.from({ length: 300 }, () => begin(world))
  world.now += 1000
  for (const site of world.sites) {
    if ((nextDue(site.partition) ?? Infinity) <= world.now) take(world, site, { kind: 'tick' })
  }
  for (const site of world.sites) cancel(world, site, { kind: 'filter', binding: 'one' })
  drain(world)
  // The leader had been let in.
  const left = all.filter((who) => !/cancelled|batch_merged/.test(fate(world, who)))
  expect(left.length).toBeLessThanOrEqual(1)
  expectNothingLeft(world)
})

test('the deadline of the start ends a dispatch whose predicate has not answered', () => {
  const timeouts = { ...defaultTimeouts, scheduleToStartMs: 1000 }
  const world = opened(gated([limitOn(max(1))], { timeouts }))
  const asking = begin(world, { verdict: 'ask' })
  pass(world, 1000)
  expect(fate(world, asking)).toBe('dlq expired')
})

test('a tick that throws does not take an alarm with it', () => {
  const world = opened(gated([limitOn({ kind: 'throttle', max: 1, periodMs: 1000 })]))
  const first = begin(world)
  const partitionKey = keyOfSite(world, homeOf(world, 'one/throttle').other)
  const second = begin(world, { partitionKey })
  world.fuse = 1
  pass(world, 1000)
  expect(world.fuse).toBeUndefined()
  expect([first, second].map((who) => fate(world, who))).toEqual(['attempting', 'attempting'])
  drain(world)
  expectNothingLeft(world)
})

test('a letter that cannot be taken leaves neither a permit nor a dispatch behind', () => {
  // The letter that asks, the one that lets in, the one that gives back.
  for (const bad of [1, 2, 3]) {
    const world = opened(gated([limitOn(max(1), { scope: 'app' })]))
    begin(world)
    const { other } = homeOf(world, '@app/concurrency')
    drain(world)
    sendEvent(world, { partitionKey: keyOfSite(world, other) })
    for (let letter = 1; letter <= 3; letter++) {
      if (letter === bad) world.fuse = 1
      deliverOne(world)
      answerAll(world)
    }
    const untaken = factsOf(world).filter(({ kind }) => kind === 'letter.skipped')
    expect(untaken).toHaveLength(1)
    drain(world)
    expectNothingLeft(world)
  }
})

/** The letter that is next, wherever it is. */
function deliverOne(world: World): void {
  for (const site of world.sites) while (site.sending.length > 0) send(world, site, 0)
  world.sites.some((site) => deliver(world, site, 'ask') || deliver(world, site, 'answer'))
}

test('a rule that is learned late does not win over a newer one that came by letter', () => {
  const app = (limit: number) => gated([limitOn(max(limit), { scope: 'app' })])
  const world = opened(app(3))
  begin(world)
  const { home, other } = homeOf(world, '@app/concurrency')
  for (const limit of [1, 2]) deploy(world, versioned(world, [app(limit)]))
  while (define(world, other)) continue
  sendEvent(world, { partitionKey: keyOfSite(world, other) })
  calm(world)
  const inForce = () => home.partition.rules.get('@app/concurrency')?.rule
  expect(inForce()).toEqual(max(2))
  define(world, home)
  expect(home.partition.definitions).toBe(2)
  expect(inForce()).toEqual(max(2))
  define(world, home)
  expect(home.partition.rules).toEqual(other.partition.rules)
})

test('what an operator set counts for the very letter that brings a newer rule', () => {
  const app = (limit: number) => gated([limitOn(max(limit), { scope: 'app' })])
  const world = opened(app(1))
  begin(world)
  const { home, other } = homeOf(world, '@app/concurrency')
  setLimit(world, '@app/concurrency', { max: 1 })
  for (const site of [home, other]) define(world, site)
  deploy(world, versioned(world, [app(9)]))
  define(world, other)
  sendEvent(world, { partitionKey: keyOfSite(world, other) })
  calm(world)
  expect(home.partition.ledgers.get('@app/concurrency')?.holders.size).toBe(1)
  drain(world)
  expectNothingLeft(world)
})

test('whoever takes over sends letters again in an order that a snapshot knows', () => {
  const world = opened(gated([limitOn(max(1), { keyed: true, scope: 'global' })]))
  for (const key of ['d', 'c', 'b', 'a']) sendEvent(world, { key })
  for (const site of world.sites) {
    const twin = rebuilt(world, site, false)
    expect(stateOf(twin)).toBe(stateOf(site.partition))
    takeOver(world, site, true)
    const sent = site.stepped
      .at(-1)
      ?.entry.effects.flatMap((effect) =>
        effect.kind === 'sendLetters'
          ? [`${effect.to.app}/${effect.to.slot}/${effect.to.lane}`]
          : [],
      )
    expect(sent).toEqual(sent?.toSorted())
  }
})

test('a limit of another kind under the same name leaks nothing, and makes nobody wait for ever', () => {
  const kinds: Rule[] = [
    max(1),
    { kind: 'rateLimit', max: 1, periodMs: 1000 },
    { kind: 'singleton', mode: 'skip' },
    { kind: 'throttle', max: 1, periodMs: 1000 },
    { kind: 'batch', size: 2, timeoutMs: 1000 },
  ]
  for (const [before, after] of kinds.flatMap((one) => kinds.map((other) => [one, other]))) {
    const world = createWorld()
    for (const rule of [before, after]) {
      if (!rule) continue
      deploy(world, versioned(world, [gated([limitOn(rule, { name: 'gate', scope: 'app' })])]))
      for (const site of world.sites) define(world, site)
      for (let sent = 0; sent < 3; sent++) sendEvent(world)
    }
    drain(world)
    expectNothingLeft(world)
  }
})

function answerAll(world: World): void {
  for (const site of world.sites) while (site.pending.length > 0) answer(world, site, 0, ok)
}
