import { encode, PermanentError, type DispatchRecord, type Plain } from '@waybill/core'
import type { EventLog, Stored } from '@waybill/log'
import { describe, expect, test } from 'vitest'
import {
  appOf,
  bound,
  createSystem,
  definition,
  ends,
  eventually,
  leading,
  transitions,
  until,
  type AppOptions,
  type RunningHost,
  type System,
} from './system.ts'

interface Started {
  readonly system: System
  readonly running: RunningHost
  /** Ends so far, by dispatch. */
  ended(): Promise<Map<string, string[]>>
  records(dispatch?: string): Promise<readonly DispatchRecord[]>
}

async function start(
  options: AppOptions,
  over: Parameters<System['host']>[1] = {},
): Promise<Started> {
  const system = createSystem()
  const app = appOf(options)
  await system.deploy(app)
  const running = system.host(app, over)
  await until('it leads', () => leading(running) === 1)
  return {
    system,
    running,
    ended: async () => ends(await system.journal()),
    records: async (dispatch) =>
      transitions(await system.journal())
        .filter((one) => dispatch === undefined || one.dispatch === dispatch)
        .map(({ record }) => record),
  }
}

const hang = (): Promise<Plain | undefined> => new Promise(() => {})

async function* nothing(): AsyncGenerator<Stored> {}

describe('an attempt', () => {
  test('starts in the log before its handler runs, and ends there once', async () => {
    const seen: string[] = []
    const { system, running, ended } = await start({
      run: async (run) => {
        const states = transitions(await system.journal()).map(({ to }) => to)
        expect(states).toEqual(['attempting'])
        expect(run.fencingToken).toMatch(new RegExp(`^${run.dispatch}:1:\\d+$`))
        expect(run.idempotencyKey).toBe(run.dispatch)
        seen.push(run.dispatch)
        return { shipped: true }
      },
    })
    await system.send()
    await until('it ended', async () => (await ended()).size === 1)
    expect(seen).toHaveLength(1)
    expect([...(await ended()).values()]).toEqual([['succeeded']])
    await running.stop()
  })

  test('that fails is retried after its delay, under the same key with a higher token', async () => {
    const tokens: string[] = []
    const { system, running, ended, records } = await start({
      run: async ({ fencingToken, attempt }) => {
        tokens.push(fencingToken)
        if (attempt < 3) throw new Error('not yet')
        return undefined
      },
    })
    const before = system.clock.now()
    await system.send()
    await eventually(system, 'it ended', async () => (await ended()).size === 1)
    expect([...(await ended()).values()]).toEqual([['succeeded']])
    expect(system.clock.now() - before).toBe(2000)
    expect(tokens.map((token) => token.split(':')[1])).toEqual(['1', '2', '3'])
    const seqs = tokens.map((token) => Number(token.split(':')[2]))
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
    expect((await records()).at(-1)).toMatchObject({ attempt: 3, spent: 2 })
    await running.stop()
  })

  test('whose handler will not stop is over at its deadline; what it still does is a note', async () => {
    const late = Promise.withResolvers<Plain | undefined>()
    const reasons: unknown[] = []
    const { system, running, ended } = await start({
      run: async ({ attempt, signal }) => {
        if (attempt > 1) return 'second'
        signal.addEventListener('abort', () => reasons.push(signal.reason))
        return late.promise
      },
    })
    await system.send()
    await eventually(system, 'it ended', async () => (await ended()).size === 1)
    expect(reasons).toMatchObject([{ name: 'AttemptAborted', reason: 'timeout' }])
    late.resolve('first')
    await until('the note', () => running.host.counters.late === 1)
    expect([...(await ended()).values()]).toEqual([['succeeded']])
    await running.stop()
  })

  test('that cannot succeed is dead-lettered at once, as is a result nobody can record', async () => {
    const { system, running, ended, records } = await start({
      run: async ({ event }) => {
        if (event.data === 'bad') throw new PermanentError('no such order')
        return { at: { depth: new Map() as unknown as Plain } }
      },
    })
    await system.send({ data: 'bad' }, { data: 'odd' })
    await until('both ended', async () => (await ended()).size === 2)
    expect([...(await ended()).values()]).toEqual([['dlq'], ['dlq']])
    const errors = (await records()).flatMap(({ error }) => (error ? [error] : []))
    expect(errors).toMatchObject([{ class: 'permanent' }, { class: 'permanent' }])
    expect(errors[1]?.message).toContain('at.depth')
    await running.stop()
  })

  test('cannot start when the chain is too deep', async () => {
    let runs = 0
    const { system, running, ended } = await start({ run: async () => ++runs })
    const root = `1-0-${'0'.repeat(32)}`
    await system.send({ chain: { root, depth: 17, path: [] } })
    await until('it ended', async () => (await ended()).size === 1)
    expect(runs).toBe(0)
    await running.stop()
  })
})

describe('a predicate that is an effect', () => {
  test('starts the attempt or skips the dispatch', async () => {
    const { system, running, ended } = await start({
      verdict: () => 'ask',
      judge: async (_, event) => ({ matched: event.data === 'yes', reason: 'the answer' }),
    })
    await system.send({ data: 'yes' }, { data: 'no' })
    await until('both ended', async () => (await ended()).size === 2)
    expect([...(await ended()).values()].flat().sort()).toEqual(['skipped', 'succeeded'])
    await running.stop()
  })

  test('that does not answer in time skips it, is told so, and gives its place back', async () => {
    let told: unknown
    const { system, running, ended } = await start({
      verdict: () => 'ask',
      judge: (_, __, signal) => {
        signal.addEventListener('abort', () => (told = signal.reason))
        return new Promise(() => {})
      },
    })
    await system.send()
    await eventually(system, 'it ended', async () => (await ended()).size === 1)
    expect([...(await ended()).values()]).toEqual([['skipped']])
    expect(told).toMatchObject({ reason: 'timeout' })
    expect(running.host.status().room.hot).toBe(0)
    await running.stop()
  })
})

describe('what a handler sends', () => {
  test('carries the chain on, and is one event however often the attempt runs', async () => {
    const ids: string[] = []
    const { system, running, ended } = await start({
      run: async (run) => {
        if (run.event.chain.depth > 0) return undefined
        ids.push(await run.send({ type: 'order.followed', source: 'shop', data: {} }))
        if (run.attempt === 1) throw new Error('after the send')
        return undefined
      },
    })
    await system.send()
    await eventually(system, 'both ended', async () => (await ended()).size === 2)
    expect(new Set(ids).size).toBe(1)
    expect(ids).toHaveLength(2)
    const entries = await system.journal()
    const results = entries.flatMap(({ input }) =>
      input.kind === 'result' && input.result.status === 'succeeded' ? [input.result.sent] : [],
    )
    expect(results.flat()).toEqual([ids[0]])
    const heads = entries.flatMap(({ input }) => (input.kind === 'event' ? [input.head] : []))
    expect(heads.map(({ chain }) => chain.depth)).toEqual([0, 1, 1])
    expect(heads[1]?.chain).toMatchObject({ root: heads[0]?.id, path: ['ship'] })
    await running.stop()
  })
})

describe('a letter', () => {
  test('cancels what runs: its handler is told, its client gets an answer after the commit', async () => {
    let told: unknown
    const { system, running, ended } = await start({
      run: ({ signal }) => {
        signal.addEventListener('abort', () => (told = signal.reason))
        return hang()
      },
    })
    await system.send()
    await until('it runs', () => running.host.status().room.hot === 1)
    const [dispatch] = transitions(await system.journal()).map((one) => one.dispatch)
    if (dispatch === undefined) throw new Error('no dispatch')
    expect(await running.host.dispatch(dispatch)).toMatchObject({
      slot: 0,
      dispatch: { record: { state: 'attempting' } },
    })
    await running.host.post(0, {
      v: 1,
      id: 'letter-1',
      from: { kind: 'client', id: 'ops' },
      body: { kind: 'cancel', target: { kind: 'dispatch', dispatch }, by: 'ops', reason: 'wrong' },
      replyTo: 'inbox.1',
    })
    await until('the answer', () => system.replies.length === 1)
    expect(system.replies).toMatchObject([{ to: 'inbox.1', letter: 'letter-1' }])
    expect([...(await ended()).values()]).toEqual([['cancelled']])
    expect(told).toMatchObject({ reason: 'cancelled' })
    expect(running.host.status().room.hot).toBe(0)
    await running.stop()
  })
})

describe('an input that is not what it should be', () => {
  test('is quarantined with its bytes, and the next one is taken', async () => {
    const { system, running, ended } = await start({})
    await system.sendRaw(0, [Uint8Array.of(0xc1), encode({ not: 'an event' })])
    await system.log.send('wb.event.1.0', Uint8Array.of(1, 2, 3))
    const foreign = createSystem({ slots: 1 })
    await foreign.send()
    await system.send()
    await until('it ended', async () => (await ended()).size === 1)
    const entries = await system.journal()
    const bad = entries.flatMap(({ input }) => (input.kind === 'quarantined' ? [input] : []))
    expect(bad.map(({ ref }) => [ref?.seq, ref?.index])).toEqual([
      [1, 0],
      [1, 1],
      [2, 0],
    ])
    expect(bad[2]?.bytes).toEqual(Uint8Array.of(1, 2, 3))
    expect(running.host.counters.quarantined).toBe(3)
    await running.stop()
  })
})

describe('room', () => {
  test('is never exceeded, however many events come in one message', async () => {
    let hot = 0
    let most = 0
    const { system, running, ended } = await start(
      {
        run: async () => {
          most = Math.max(most, ++hot)
          await new Promise((resolve) => setImmediate(resolve))
          hot--
          return undefined
        },
      },
      { limits: { hotMax: 10, readAheadMessages: 4 } },
    )
    await system.send(...Array.from({ length: 300 }, () => ({})))
    await until('all ended', async () => (await ended()).size === 300)
    expect(most).toBeLessThanOrEqual(10)
    expect(running.host.status().room).toEqual({ hot: 0, entries: 0, bytes: 0 })
    await running.stop()
  })

  test('is no matter for a cancel: it gets through to a host that is full', async () => {
    const { system, running, ended } = await start({ run: hang }, { limits: { hotMax: 2 } })
    const [first] = await system.send({}, {}, {})
    await until('it is full', () => running.host.status().room.hot === 2)
    if (first === undefined) throw new Error('no event')
    await running.host.post(0, {
      v: 1,
      id: 'letter-1',
      from: { kind: 'client', id: 'ops' },
      body: { kind: 'cancel', target: { kind: 'event', event: first }, by: 'ops', reason: 'wrong' },
      replyTo: 'inbox.1',
    })
    await until('the answer', () => system.replies.length === 1)
    expect([...(await ended()).values()]).toEqual([['cancelled']])
    await until('the next one has its place', () => running.host.counters.asked === 3)
    running.crash()
  })

  test('for payloads may be nothing at all: what an attempt needs is read again', async () => {
    const seen: unknown[] = []
    const { system, running, ended } = await start(
      {
        run: async ({ event, attempt }) => {
          seen.push([event.data, attempt])
          if (attempt === 1) throw new Error('once more')
          return undefined
        },
      },
      { limits: { payloadBytesMax: 0 } },
    )
    await system.send({ data: 'one' }, { data: 'two' })
    await eventually(system, 'both ended', async () => (await ended()).size === 2)
    expect(seen.map(String).sort()).toEqual(['one,1', 'one,2', 'two,1', 'two,2'])
    await running.stop()
  })

  test('for payloads: an event that is not there any more is a permanent error that names it', async () => {
    const system = createSystem()
    const app = appOf()
    await system.deploy(app)
    const { log } = system
    const forgetful: EventLog = {
      ...bound(log),
      get: async () => undefined,
      read: (range) => (range.stream.startsWith('EVENTS') ? nothing() : log.read(range)),
    }
    const running = system.host(app, { limits: { payloadBytesMax: 0 }, log: forgetful })
    await until('it leads', () => leading(running) === 1)
    await system.send()
    await until('it ended', async () => ends(await system.journal()).size === 1)
    const last = transitions(await system.journal()).at(-1)
    expect(last?.record).toMatchObject({ state: 'dlq', error: { name: 'EventLost' } })
    await running.stop()
  })

  test('lets a partition without a deploy wait for its first one, and read only what comes after', async () => {
    const system = createSystem()
    const app = appOf()
    const running = system.host(app)
    await until('it leads', () => leading(running) === 1)
    const [before] = await system.send()
    await system.deploy(app)
    const [after] = await system.send()
    await until('it ended', async () => ends(await system.journal()).size === 1)
    const entries = await system.journal()
    const seen = entries.flatMap(({ input }) => (input.kind === 'event' ? [input.head.id] : []))
    expect(seen).toEqual([after])
    expect(seen).not.toContain(before)
    await running.stop()
  })
})

describe('draining', () => {
  test('lets what runs finish within the grace period', async () => {
    const finish = Promise.withResolvers<Plain | undefined>()
    const { system, running, ended } = await start({ run: () => finish.promise })
    await system.send()
    await until('it runs', () => running.host.status().room.hot === 1)
    const stopped = running.stop()
    finish.resolve('done')
    await stopped
    expect([...(await ended()).values()]).toEqual([['succeeded']])
    expect(await system.leases.list('slot')).toEqual([])
    expect(await system.leases.list('member')).toEqual([])
  })

  test('parks the rest with no attempt spent, and the next host runs it at once', async () => {
    let told: unknown
    const { system, running, ended, records } = await start({
      run: async ({ signal, attempt }) => {
        if (attempt > 1) return 'again'
        signal.addEventListener('abort', () => (told = signal.reason))
        return hang()
      },
    })
    await system.send()
    await until('it runs', () => running.host.status().room.hot === 1)
    let stopped = false
    const stopping = running.stop().then(() => (stopped = true))
    await eventually(system, 'it stopped', () => stopped)
    await stopping
    expect(told).toMatchObject({ reason: 'parked' })
    expect((await records()).at(-1)).toMatchObject({ state: 'retryWait', spent: 0 })

    const before = system.clock.now()
    const next = system.host(appOf({ run: async () => 'again' }))
    await until('it ended', async () => (await ended()).size === 1)
    expect(system.clock.now()).toBe(before)
    expect((await records()).at(-1)).toMatchObject({ state: 'succeeded', spent: 0 })
    await next.stop()
  })
})

test('two bindings of one event fare apart', async () => {
  const definitions = [definition({ id: 'bad' }), definition({ id: 'good' })]
  const { system, running, ended } = await start({
    definitions,
    run: async (_, binding) => {
      if (binding.id === 'bad') throw new PermanentError('no')
      return undefined
    },
  })
  await system.send()
  await until('both ended', async () => (await ended()).size === 2)
  expect([...(await ended()).values()].flat().sort()).toEqual(['dlq', 'succeeded'])
  await running.stop()
})
