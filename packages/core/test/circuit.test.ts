import { describe, expect, test } from 'vitest'
import {
  advance,
  answer,
  breaches,
  circuitOf,
  circuitPlace,
  createWorld,
  entriesOf,
  failed,
  fare,
  guarded,
  minuteMs,
  once,
  oneShot,
  openOf,
  outcomes,
  sendEvent,
  serve,
  serveFor,
  settle,
  siteAt,
  spentByDeferral,
  stateOfCircuit,
  succeeded,
  takeOver,
  times,
  transitionsOf,
  write,
  type World,
} from './circuit-world.ts'

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
    serveFor(world, 10 * minuteMs, () => succeeded)
    expect(outcomes(world)['succeeded']).toBeGreaterThanOrEqual(2)
    expect(breaches(siteAt(world, 0))).toEqual([])
    expect(circuitOf(world)?.state).toBe('closed')
  })
})

/** No second after it has closed has more than twice as many as the one before. */
function expectRamp(began: readonly number[], closed: number): void {
  const perSecond: number[] = []
  for (const at of began) {
    const second = Math.floor((at - closed) / 1000)
    perSecond[second] = (perSecond[second] ?? 0) + 1
  }
  for (const [second, count = 0] of perSecond.entries()) {
    const before = perSecond[second - 1] ?? 0
    expect(count).toBeLessThanOrEqual(Math.min(2 * before + 2, 2 ** second + 2))
  }
  expect(perSecond.length).toBeLessThan(30)
}

test.each([
  [5000, 1],
  [2000, 4],
])(
  '8 %i who waited, in %i partitions, come back one, two, four, eight a second',
  (count, slots) => {
    const world = createWorld(oneShot(), slots)
    for (let n = 0; n < 10 * slots; n++) sendEvent(world)
    serve(world, () => failed('retryable'))
    for (let n = 0; n < count; n++) sendEvent(world)
    const began: number[] = []
    let closed = 0
    serveFor(world, 20 * minuteMs, (_, now) => {
      if (closed === 0) closed = now
      else began.push(now)
      return succeeded
    })
    expect(outcomes(world)).toEqual({ retry_exhausted: 10 * slots, succeeded: count })
    expect(began.length).toBe(count - 1)
    expectRamp(began, closed)
    // They asked a few times each, not over and over.
    expect(transitionsOf(world).length).toBeLessThan(count * (slots === 1 ? 6 : 14))
    expect(spentByDeferral(world)).toEqual([])
  },
  60_000,
)

test('8 a probe that takes long is not followed by all whose turn came meanwhile', () => {
  const world = createWorld(oneShot())
  fare(world, times(5, 'no'))
  for (let n = 0; n < 1000; n++) sendEvent(world)
  advance(world, minuteMs + 25_000)
  expect(siteAt(world, 0).running.length).toBe(1)
  answer(world, siteAt(world, 0), 0, succeeded)
  const closed = world.now
  const began: number[] = []
  serveFor(world, 20 * minuteMs, (_, now) => {
    began.push(now)
    return succeeded
  })
  expect(began.length).toBe(999)
  expectRamp(began, closed)
  expect(transitionsOf(world).length).toBeLessThan(1000 * 12)
})
