import { describe, expect, test } from 'vitest'
import { rampOf, type EffectResult } from '../src/index.ts'
import {
  advance,
  breaches,
  circuitOf,
  circuitPlace,
  command,
  createWorld,
  deliver,
  entriesOf,
  failed,
  fare,
  guarded,
  keepSnapshot,
  minuteMs,
  oneShot,
  openOf,
  outcomes,
  rebuilt,
  sendEvent,
  serve,
  serveFor,
  settle,
  siteAt,
  stateOfCircuit,
  succeeded,
  takeOver,
  tick,
  times,
  write,
  type Sent,
  type World,
} from './circuit-world.ts'
import { stateOf } from './state.ts'

const away = (world: World): Sent => {
  const home = circuitPlace(world).slot
  for (let n = 0; ; n++) {
    const partitionKey = `p${n}`
    const probe = createWorld([], world.slots)
    if (sendEvent(probe, { partitionKey }).id.slot !== home) return { partitionKey }
  }
}

describe('8 by hand', () => {
  const by = { by: 'ann', reason: 'maintenance' }

  test('open turns everybody back until it is closed by hand', () => {
    const world = createWorld(oneShot(), 3)
    command(world, { do: 'open', ...by })
    settle(world)
    for (let n = 0; n < 9; n++) sendEvent(world)
    advance(world, 60 * minuteMs)
    expect(world.sites.flatMap(({ running }) => running)).toEqual([])
    expect(openOf(world).length).toBe(9)
    expect(circuitOf(world)).toMatchObject({ state: 'open', held: true, manual: by })
    command(world, { do: 'close', ...by })
    serveFor(world, 60 * minuteMs, () => succeeded)
    expect(outcomes(world)).toEqual({ succeeded: 9 })
    const switched = entriesOf(world).flatMap(({ facts }) =>
      facts.filter((fact) => fact.kind === 'ledger.switched'),
    )
    expect(switched).toMatchObject([
      { do: 'open', ...by },
      { do: 'close', ...by },
    ])
  })

  test('open for a time lets one try when that is over', () => {
    const world = createWorld(oneShot())
    command(world, { do: 'open', ...by, forMs: 10_000 })
    settle(world)
    for (let n = 0; n < 3; n++) sendEvent(world)
    advance(world, 9999)
    expect(siteAt(world, 0).running.length).toBe(0)
    advance(world, 1)
    expect(siteAt(world, 0).running.length).toBe(1)
    serveFor(world, minuteMs, () => succeeded)
    expect(outcomes(world)).toEqual({ succeeded: 3 })
  })

  test('probe lets the one who has waited longest try at once', () => {
    const world = createWorld(oneShot())
    fare(world, times(5, 'no'))
    for (let n = 0; n < 3; n++) sendEvent(world)
    const [first] = siteAt(world, 0).partition.dispatches.keys()
    command(world, { do: 'probe', ...by })
    settle(world)
    expect(siteAt(world, 0).running.map(({ dispatch }) => dispatch)).toEqual([first])
    serve(world, () => succeeded)
    expect(stateOfCircuit(world)).toBe('closed')
  })

  test('close wakes who waits, in every partition, step by step; nobody waits for his timer', () => {
    const world = createWorld(oneShot(), 3)
    command(world, { do: 'open', ...by })
    settle(world)
    for (let n = 0; n < 300; n++) sendEvent(world)
    // Turned back for ten minutes and more.
    advance(world, 60 * minuteMs)
    for (let n = 0; n < 300; n++) sendEvent(world)
    settle(world)
    command(world, { do: 'close', wake: true, ...by })
    const closed = world.now
    const began: number[] = []
    serveFor(world, minuteMs, (_, now) => {
      began.push(now - closed)
      return succeeded
    })
    expect(outcomes(world)).toEqual({ succeeded: 600 })
    const turns = Array.from({ length: 600 }, (_, n) => rampOf(n + 1))
    expect(began.filter((at) => at < 3000).length).toBeLessThanOrEqual(8)
    expect(began.at(-1)).toBeLessThanOrEqual((turns.at(-1) ?? 0) + 100)
    expect(world.sites.flatMap(breaches)).toEqual([])
    for (const { partition } of world.sites) expect(partition.bulk.size).toBe(0)
  })

  test('close wakes them after a takeover in the middle, too', () => {
    const world = createWorld(oneShot(), 1)
    command(world, { do: 'open', ...by })
    settle(world)
    for (let n = 0; n < 300; n++) sendEvent(world)
    command(world, { do: 'close', wake: true, ...by })
    const site = siteAt(world, 0)
    deliver(world, site, 'answer')
    tick(world, site)
    expect(site.partition.bulk.size).toBe(1)
    takeOver(world, site)
    serveFor(world, minuteMs, () => succeeded)
    // The first that was let in ran where the partition was.
    expect(outcomes(world)).toEqual({ lost: 1, succeeded: 299 })
  })

  test('probe wakes one of another partition where nobody waits at home', () => {
    const world = createWorld(oneShot(), 3)
    const { slot: home, ledger } = circuitPlace(world)
    const sent = away(world)
    fare(world, times(5, 'no'), sent)
    settle(world)
    const site = sendEvent(world, sent)
    for (let n = 0; n < 2; n++) sendEvent(world, sent)
    settle(world)
    const probe = { kind: 'circuit', ledger, home, do: 'probe', ...by } as const
    write(world, siteAt(world, home), probe)
    settle(world)
    expect(siteAt(world, home).replies.at(-1)).toMatchObject({ here: true, woke: false })
    expect(site.running).toEqual([])
    write(world, site, { ...probe, wake: true })
    settle(world)
    expect(site.replies.at(-1)).toMatchObject({ here: false, woke: true })
    const [first] = site.partition.dispatches.keys()
    expect(site.running.map(({ dispatch }) => dispatch)).toEqual([first])
    serve(world, () => succeeded)
    expect(stateOfCircuit(world)).toBe('closed')
  })

  test('is answered with what is so; what cannot be is refused', () => {
    const world = createWorld(oneShot(), 2)
    command(world, { do: 'probe', ...by })
    settle(world)
    command(world, { do: 'open', ...by, forMs: 1000 })
    settle(world)
    const { slot, ledger } = circuitPlace(world)
    const [home, other] = [siteAt(world, slot), siteAt(world, slot + 1)]
    const until = world.now + 1000
    expect(home.replies).toEqual([
      { kind: 'refused', code: 'not_open', reason: `${ledger} is closed: anybody may try` },
      { kind: 'circuit', ledger, state: 'open', until, here: true },
    ])
    expect(other.replies).toMatchObject([
      { kind: 'circuit', state: 'closed', here: false },
      { kind: 'circuit', state: 'open', here: false },
    ])
    const unknown = { kind: 'circuit', ledger: '@app/none/ab', home: slot, do: 'open' } as const
    write(world, home, { ...unknown, ...by })
    settle(world)
    expect(home.replies.at(-1)).toMatchObject({ kind: 'refused', code: 'not_found' })
  })
})

describe('8 a circuit whose home is another partition', () => {
  test('is told by letter, and learnt to be open', () => {
    const world = createWorld(oneShot(), 3)
    const sent = away(world)
    fare(world, times(5, 'no'), sent)
    settle(world)
    expect(stateOfCircuit(world)).toBe('open')
    const site = sendEvent(world, sent)
    expect(site.partition.views.get(circuitPlace(world).ledger)).toMatchObject({ open: true })
    settle(world)
    const [dispatch] = site.partition.dispatches.values()
    expect(dispatch?.record).toMatchObject({ state: 'retryWait', attempt: 0 })
    serveFor(world, 10 * minuteMs, () => succeeded)
    expect(outcomes(world)).toEqual({ retry_exhausted: 5, succeeded: 1 })
    advance(world, minuteMs)
    fare(world, ['ok', 'ok'], sent)
    expect(site.partition.views.get(circuitPlace(world).ledger)).toMatchObject({ open: false })
    expect(world.sites.flatMap(({ partition }) => [...partition.ledgers.values()])).toMatchObject([
      { holders: new Map(), circuit: { state: 'closed' } },
    ])
  })

  test('hears of successes too, once it has heard of a failure', () => {
    const world = createWorld(oneShot({ rateMin: 100 }), 3)
    const sent = away(world)
    for (let round = 0; round < 5; round++) fare(world, ['no', 'no', 'no', 'no', 'ok'], sent)
    settle(world)
    expect(circuitOf(world)).toMatchObject({ state: 'closed', row: 0 })
    fare(world, times(5, 'no'), sent)
    settle(world)
    expect(stateOfCircuit(world)).toBe('open')
  })

  test('dead-letters there as it does here', () => {
    const world = createWorld(oneShot({ whenOpen: 'dlq' }), 3)
    const sent = away(world)
    fare(world, times(5, 'no'), sent)
    settle(world)
    sendEvent(world, sent)
    settle(world)
    expect(outcomes(world)).toEqual({ retry_exhausted: 5, circuit_open: 1 })
  })

  test('probes once, whichever partition asks, and is not held by one that was cancelled', () => {
    const world = createWorld(oneShot(), 4)
    // A partition in which nobody has failed yet knows nothing of it.
    for (let n = 0; n < 40; n++) sendEvent(world)
    serve(world, () => failed('retryable'))
    for (let n = 0; n < 40; n++) sendEvent(world)
    advance(world, minuteMs + 3000)
    expect(world.sites.flatMap(({ running }) => running).length).toBe(1)
    const at = world.sites.find(({ running }) => running.length > 0) ?? siteAt(world, 0)
    const [run] = at.running.splice(0)
    const target = { kind: 'dispatch', dispatch: run?.dispatch ?? '' } as const
    write(world, at, { kind: 'cancel', target, by: 'op', reason: 'test' })
    serveFor(world, 30 * minuteMs, () => succeeded)
    expect(outcomes(world)).toEqual({ retry_exhausted: 40, cancelled: 1, succeeded: 39 })
    expect(world.sites.flatMap(breaches)).toEqual([])
  })
})

test('8 circuits and views that are closed and quiet vanish', () => {
  const world = createWorld(oneShot(), 3)
  fare(world, times(9, 'no'))
  fare(world, times(2, 'no'), { to: 'b' })
  sendEvent(world)
  serveFor(world, 10 * minuteMs, () => succeeded)
  world.now += 31 * 24 * 3_600_000
  for (const site of world.sites) takeOver(world, site)
  for (let n = 0; n < 9; n++) fare(world, ['ok'], { to: 'c' })
  for (const { partition } of world.sites) {
    expect([...partition.ledgers.values(), ...partition.views.entries()]).toEqual([])
  }
})

test('8 snapshots hold circuits and views; what is folded is what was stepped', () => {
  const world = createWorld([guarded()], 3)
  for (let n = 0; n < 40; n++) sendEvent(world, { to: n % 3 === 0 ? 'b' : 'a' })
  let count = 0
  const odd = (): EffectResult => (++count % 5 === 0 ? succeeded : failed('retryable'))
  serve(world, odd)
  for (const site of world.sites) keepSnapshot(site)
  advance(world, 70_000)
  serveFor(world, 5 * minuteMs, odd)
  for (const site of world.sites) {
    const state = stateOf(site.partition)
    expect(stateOf(rebuilt(site, false))).toBe(state)
    expect(stateOf(rebuilt(site, true))).toBe(state)
    tick(world, site)
  }
})

test('8 turns come one, two, four, eight a second, evenly', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 12].map(rampOf)).toEqual([
    0, 1000, 1500, 2000, 2250, 2500, 2750, 3000, 3500,
  ])
  for (let n = 1; n < 5000; n++) expect(rampOf(n + 1)).toBeGreaterThanOrEqual(rampOf(n))
})
