import { describe, expect, test } from 'vitest'
import { rampOf, type Dispatch, type EffectResult } from '../src/index.ts'
import {
  advance,
  answer,
  breaches,
  circuitOf,
  circuitPlace,
  command,
  createWorld,
  entriesOf,
  failed,
  guarded,
  keepSnapshot,
  rebuilt,
  sendEvent,
  serve,
  serveFor,
  settle,
  siteAt,
  spentByDeferral,
  stateOf,
  succeeded,
  takeOver,
  tick,
  transitionsOf,
  write,
  type Sent,
  type World,
} from './circuit-world.ts'

const once = { kind: 'immediate', maxAttempts: 1, jitter: 'none' } as const
const oneShot = (rule = {}) => [guarded(rule, { retry: once })]
const minuteMs = 60_000

/** Events of which each fares as told. */
function fare(world: World, how: readonly ('ok' | 'no')[], sent: Sent = {}): void {
  for (const one of how) {
    sendEvent(world, sent)
    serve(world, () => (one === 'ok' ? succeeded : failed('retryable')))
  }
}

const times = <T>(count: number, what: T): T[] => Array.from({ length: count }, () => what)
const stateOfCircuit = (world: World, sent: Sent = {}) => circuitOf(world, sent)?.state ?? 'closed'

const openOf = ({ sites }: World): readonly Dispatch[] =>
  sites.flatMap(({ partition }) => [...partition.dispatches.values()])

const outcomes = (world: World): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { record } of transitionsOf(world)) {
    const { outcome } = record
    if (!outcome) continue
    const name = outcome.status === 'dlq' ? outcome.reason : outcome.status
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

describe('8 a circuit opens', () => {
  test('when five dispatches in a row have failed, not four', () => {
    const world = createWorld(oneShot())
    fare(world, times(4, 'no'))
    expect(stateOfCircuit(world)).toBe('closed')
    fare(world, ['no'])
    expect(circuitOf(world)).toMatchObject({ state: 'open', row: 5, until: world.now + minuteMs })
  })

  test('not when one succeeds in between', () => {
    const world = createWorld(oneShot({ rateMin: 100 }))
    for (let round = 0; round < 5; round++) fare(world, ['no', 'no', 'no', 'no', 'ok'])
    expect(stateOfCircuit(world)).toBe('closed')
  })

  test('when half of ten within a minute have failed', () => {
    const world = createWorld(oneShot())
    fare(world, ['no', 'ok', 'no', 'ok', 'no', 'ok', 'no', 'ok', 'no'])
    expect(stateOfCircuit(world)).toBe('closed')
    fare(world, ['ok'])
    expect(stateOfCircuit(world)).toBe('open')
  })

  test('not when they are spread over more than the minute', () => {
    const world = createWorld(oneShot())
    for (let round = 0; round < 20; round++) {
      fare(world, ['no', 'ok'])
      advance(world, 20_000)
    }
    expect(stateOfCircuit(world)).toBe('closed')
  })

  test('counting dispatches: one that fails again and again counts once', () => {
    const retry = { kind: 'fixed', delayMs: 10, maxAttempts: 20, jitter: 'none' } as const
    const world = createWorld([guarded({}, { retry })])
    sendEvent(world)
    serveFor(world, minuteMs, () => failed('retryable'))
    expect(outcomes(world)).toEqual({ retry_exhausted: 1 })
    expect(circuitOf(world)).toMatchObject({ state: 'closed', row: 1 })
  })

  test('also by attempts that take too long', () => {
    const world = createWorld(oneShot())
    for (let n = 0; n < 5; n++) sendEvent(world)
    advance(world, 30_000)
    expect(stateOfCircuit(world)).toBe('open')
  })

  test.each([['permanent'], ['rate_limited']] as const)(
    'whatever comes between: %s errors neither count nor reset',
    (of) => {
      const world = createWorld(oneShot())
      for (let n = 0; n < 20; n++) sendEvent(world)
      serve(world, () => failed(of))
      expect(circuitOf(world)).toBeUndefined()
      fare(world, times(4, 'no'))
      for (let n = 0; n < 20; n++) sendEvent(world)
      serve(world, () => failed(of))
      fare(world, ['no'])
      expect(stateOfCircuit(world)).toBe('open')
    },
  )

  test('for one tenant and one destination', () => {
    const world = createWorld(oneShot(), 3)
    fare(world, times(9, 'no'), { tenant: 'a', to: 'x' })
    settle(world)
    expect(stateOfCircuit(world, { tenant: 'a', to: 'x' })).toBe('open')
    for (const other of [
      { tenant: 'b', to: 'x' },
      { tenant: 'a', to: 'y' },
    ]) {
      expect(circuitOf(world, other)).toBeUndefined()
      fare(world, times(3, 'ok'), other)
    }
    expect(outcomes(world)).toMatchObject({ succeeded: 6 })
  })
})

test('8 a healthy circuit leaves nothing behind: no ledger, no view, no fact, no letter', () => {
  const world = createWorld([guarded()], 3)
  fare(world, times(30, 'ok'))
  const facts = entriesOf(world).flatMap((entry) => entry.facts.map(({ kind }) => kind))
  expect(facts.filter((kind) => kind.startsWith('ledger.') || kind === 'letter.queued')).toEqual([])
  expect(outcomes(world)).toEqual({ succeeded: 30 })
})

describe('8 an open circuit', () => {
  const opened = (rule = {}, slots = 1): World => {
    const world = createWorld([guarded(rule, { retry: once })], slots)
    fare(world, times(5, 'no'))
    return world
  }

  test('defers: no attempt is spent, and the record says which circuit and until when', () => {
    const world = opened()
    const site = sendEvent(world)
    const [dispatch] = site.partition.dispatches.values()
    const until = world.now + minuteMs
    expect(dispatch?.record).toMatchObject({
      state: 'retryWait',
      attempt: 0,
      spent: 0,
      timers: { retry: until },
      flow: {
        held: [],
        why: {
          gate: circuitPlace(world).ledger,
          numbers: {
            failures: 5,
            until,
          },
        },
      },
    })
    serveFor(world, 2 * minuteMs, () => succeeded)
    expect(outcomes(world)).toEqual({ retry_exhausted: 5, succeeded: 1 })
    const [, last] = transitionsOf(world).filter(({ dispatch: id }) => id === dispatch?.id)
    expect(last?.record.attempt).toBe(1)
    expect(spentByDeferral(world)).toEqual([])
  })

  test('dead-letters at once where the binding wants it', () => {
    const world = opened({ whenOpen: 'dlq' })
    sendEvent(world)
    expect(outcomes(world)).toEqual({ retry_exhausted: 5, circuit_open: 1 })
    const last = transitionsOf(world).at(-1)
    expect(last?.event).toMatchObject({
      standing: { result: 'refused', gate: circuitPlace(world).ledger, reason: 'circuit_open' },
    })
  })

  test('gives back the permits of those whom it turns back', () => {
    const one = { name: 'one', scope: 'binding', rule: { kind: 'concurrency', max: 1 } } as const
    const world = createWorld([guarded({}, { retry: once }, one)])
    fare(world, times(5, 'no'))
    for (let n = 0; n < 300; n++) sendEvent(world)
    settle(world)
    const [site] = world.sites
    expect(site?.partition.ledgers.get('label/one')).toBeUndefined()
    expect(openOf(world).every(({ record }) => record.state === 'retryWait')).toBe(true)
    let most = 0
    serveFor(world, 10 * minuteMs, () => {
      most = Math.max(most, site?.partition.ledgers.get('label/one')?.holders.size ?? 0)
      return succeeded
    })
    expect(outcomes(world)).toEqual({ retry_exhausted: 5, succeeded: 300 })
    expect(most).toBe(1)
  })

  test('turns back those that were to be tried again, too', () => {
    const retry = { kind: 'fixed', delayMs: 1000, maxAttempts: 3, jitter: 'none' } as const
    const world = createWorld([guarded({}, { retry })])
    for (let n = 0; n < 8; n++) sendEvent(world)
    serve(world, () => failed('retryable'))
    advance(world, 2000)
    for (const { record } of openOf(world)) {
      expect(record).toMatchObject({ state: 'retryWait', attempt: 1, spent: 1 })
      expect(record.timers.retry).toBeGreaterThan(world.now + 50_000)
    }
    serveFor(world, 10 * minuteMs, () => succeeded)
    expect(outcomes(world)).toEqual({ succeeded: 8 })
  })

  test('lets exactly one try, and closes when that goes well', () => {
    const world = opened()
    for (let n = 0; n < 20; n++) sendEvent(world)
    advance(world, minuteMs + 5000)
    const [site] = world.sites
    expect(site?.running.length).toBe(1)
    expect(breaches(siteAt(world, 0))).toEqual([])
    serve(world, () => succeeded)
    expect(stateOfCircuit(world)).toBe('closed')
    serveFor(world, 10 * minuteMs, () => succeeded)
    expect(outcomes(world)).toEqual({ retry_exhausted: 5, succeeded: 20 })
  })

  test('stays open twice as long with each probe that fails, up to its longest', () => {
    const world = createWorld([guarded()])
    for (let n = 0; n < 40; n++) sendEvent(world)
    const lasted: number[] = []
    serveFor(world, 60 * minuteMs, () => {
      const { state, until = 0, since = 0 } = circuitOf(world) ?? {}
      if (state === 'open') lasted.push((until - since) / minuteMs)
      return failed('retryable')
    })
    const rising = lasted.filter((of, at) => of !== lasted[at - 1])
    expect(rising).toEqual([1, 2, 4, 8, 10])
  })

  test('begins with the shortest opening again after a window of good health', () => {
    const world = opened()
    sendEvent(world)
    sendEvent(world)
    advance(world, minuteMs)
    serve(world, () => failed('retryable'))
    expect(circuitOf(world)?.openMs).toBe(2 * minuteMs)
    advance(world, 2 * minuteMs + 15_000)
    serve(world, () => succeeded)
    expect(stateOfCircuit(world)).toBe('closed')
    advance(world, minuteMs)
    fare(world, times(5, 'no'))
    expect(circuitOf(world)).toMatchObject({ state: 'open', openMs: minuteMs })
  })

  test('is probed by one after the other, not by the same one until it is out of attempts', () => {
    const retry = { kind: 'fixed', delayMs: 1000, maxAttempts: 3, jitter: 'none' } as const
    const world = createWorld([guarded({ openMaxMs: minuteMs }, { retry })])
    for (let n = 0; n < 30; n++) sendEvent(world)
    serveFor(world, 25 * minuteMs, () => failed('retryable'))
    const probed = entriesOf(world).flatMap(({ facts }) =>
      facts.flatMap((fact) => (fact.kind === 'ledger.told' && fact.probe ? [fact.dispatch] : [])),
    )
    expect(probed.length).toBeGreaterThan(20)
    expect(new Set(probed).size).toBe(probed.length)
    expect(outcomes(world)).toEqual({})
  })

  test('is not opened for longer by those who had set out before', () => {
    const world = createWorld(oneShot())
    for (let n = 0; n < 50; n++) sendEvent(world)
    serve(world, () => failed('retryable'))
    expect(circuitOf(world)).toMatchObject({
      row: 5,
      openMs: minuteMs,
      until: world.now + minuteMs,
    })
  })

  test('expires whom it turned back past its schedule-to-start', () => {
    const timeouts = { ...guarded().timeouts, scheduleToStartMs: 10_000 }
    const world = createWorld([guarded({}, { retry: once, timeouts })])
    fare(world, times(5, 'no'))
    sendEvent(world)
    advance(world, 20_000)
    expect(outcomes(world)).toEqual({ retry_exhausted: 5, expired: 1 })
  })
})

describe('8 a probe that leaves without an outcome', () => {
  const probing = (): World => {
    const world = createWorld(oneShot())
    fare(world, times(5, 'no'))
    for (let n = 0; n < 3; n++) sendEvent(world)
    advance(world, minuteMs)
    expect(siteAt(world, 0).running.length).toBe(1)
    return world
  }

  const ways: Readonly<Record<string, (world: World) => void>> = {
    cancelled(world) {
      const [run] = siteAt(world, 0).running.splice(0)
      const target = { kind: 'dispatch', dispatch: run?.dispatch ?? '' } as const
      write(world, siteAt(world, 0), { kind: 'cancel', target, by: 'op', reason: 'test' })
    },
    permanent: (world) => answer(world, siteAt(world, 0), 0, failed('permanent')),
    parked: (world) => answer(world, siteAt(world, 0), 0, { status: 'parked' }),
    unhosted: (world) => answer(world, siteAt(world, 0), 0, { status: 'unhosted' }),
    killed: (world) => answer(world, siteAt(world, 0), 0, { status: 'killed', reason: 'SIGKILL' }),
    'lost with its host': (world) => takeOver(world, siteAt(world, 0)),
  }

  test.each(Object.entries(ways))('%s: somebody else may try', (_, leave) => {
    const world = probing()
    leave(world)
    let most = 0
    serveFor(world, 10 * minuteMs, () => succeeded)
    for (const { stepped } of world.sites) most = Math.max(most, stepped.length)
    expect(stateOfCircuit(world)).toBe('closed')
    expect(outcomes(world)['succeeded']).toBeGreaterThanOrEqual(2)
    expect(breaches(siteAt(world, 0))).toEqual([])
    expect(circuitOf(world)?.state).toBe('closed')
  })
})

test('8 five thousand who waited come back one, two, four, eight a second', () => {
  const world = createWorld(oneShot())
  fare(world, times(5, 'no'))
  for (let n = 0; n < 5000; n++) sendEvent(world)
  const began: number[] = []
  let closed = 0
  serveFor(world, 20 * minuteMs, (_, now) => {
    if (closed === 0) closed = now
    else began.push(now)
    return succeeded
  })
  expect(outcomes(world)).toEqual({ retry_exhausted: 5, succeeded: 5000 })
  expect(began.length).toBe(4999)
  const perSecond: number[] = []
  for (const at of began) {
    const second = Math.floor((at - closed) / 1000)
    perSecond[second] = (perSecond[second] ?? 0) + 1
  }
  for (let second = 1; second < perSecond.length; second++) {
    const before = perSecond[second - 1] ?? 0
    expect(perSecond[second] ?? 0).toBeLessThanOrEqual(2 * before + 2)
  }
  expect(perSecond.length).toBeLessThan(30)
  // They asked a few times each, not over and over.
  expect(transitionsOf(world).length).toBeLessThan(5000 * 6)
  expect(spentByDeferral(world)).toEqual([])
}, 60_000)

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
  const away = (world: World): Sent => {
    const home = circuitPlace(world).slot
    for (let n = 0; ; n++) {
      const partitionKey = `p${n}`
      const probe = createWorld([], world.slots)
      if (sendEvent(probe, { partitionKey }).id.slot !== home) return { partitionKey }
    }
  }

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
