import { encodeBuckets, freeze, type Plain } from '@waybill/core'
import { decodeBundle, encodeBundle, sha256, type LeaseStore, type Stored } from '@waybill/log'
import { describe, expect, test } from 'vitest'
import type { Clock, VirtualClock } from '../src/clock.ts'
import { recover } from '../src/open.ts'
import {
  appOf,
  bound,
  createSystem,
  ends,
  eventually,
  leading,
  transitions,
  until,
  type System,
} from './system.ts'

const hang = (): Promise<Plain | undefined> => new Promise(() => {})

/** A store of leases that a host cannot reach any more once it is cut off. */
function cuttable(leases: LeaseStore): { leases: LeaseStore; cut(): void } {
  let isCut = false
  const refuse = (): void => {
    if (isCut) throw new Error('cut off')
  }
  return {
    cut: () => (isCut = true),
    leases: {
      get: async (key) => (refuse(), leases.get(key)),
      put: async (key, value, revision) => (refuse(), leases.put(key, value, revision)),
      remove: async (key, revision) => (refuse(), leases.remove(key, revision)),
      list: async (prefix) => (refuse(), leases.list(prefix)),
      async *watch(prefix, signal) {
        for await (const change of leases.watch(prefix, signal)) if (!isCut) yield change
      },
    },
  }
}

/** The clock of a process in which nothing happens for a while, as when a handler computes. */
function stallable(clock: VirtualClock): { clock: Clock; stall(): () => void } {
  let late: (() => void)[] | undefined
  const later = (fn: () => void) => () => (late ? void late.push(fn) : fn())
  return {
    clock: {
      ...clock,
      wake: (at, fn) => clock.wake(at, later(fn)),
      after: (ms, fn) => clock.after(ms, later(fn)),
    },
    stall() {
      late = []
      return () => {
        const fns = late ?? []
        late = undefined
        for (const fn of fns) fn()
      }
    },
  }
}

const shareOf = (hosts: readonly Parameters<typeof leading>[0][]): number[] => hosts.map(leading)

describe('several hosts', () => {
  test('share the slots, and give them back when one of them leaves', async () => {
    const system = createSystem({ slots: 4 })
    const app = appOf()
    await system.deploy(app)
    const a = system.host(app)
    await until('the first has all', () => leading(a) === 4)
    const b = system.host(app)
    await until('they share', () => shareOf([a, b]).join() === '2,2')
    const before = system.clock.now()
    await a.stop()
    await until('the second has all', () => leading(b) === 4)
    expect(system.clock.now()).toBe(before)
    await b.stop()
  })

  test('take over from one that died when its lease is over, not before', async () => {
    const system = createSystem({ slots: 4 })
    const app = appOf()
    await system.deploy(app)
    const a = system.host(app)
    await until('the first has all', () => leading(a) === 4)
    const b = system.host(app)
    await until('they share', () => shareOf([a, b]).join() === '2,2')
    const died = system.clock.now()
    a.crash()
    await eventually(system, 'the second has all', () => leading(b) === 4, 60_000)
    expect(system.clock.now() - died).toBeGreaterThan(10_000)
    expect(system.clock.now() - died).toBeLessThanOrEqual(20_000)
    const members = async (): Promise<number> => (await system.leases.list('member')).length
    expect(await members()).toBe(2)
    await eventually(system, 'its name is forgotten', async () => (await members()) === 1)
    await b.stop()
  })

  test('one of which is held up for long: it hands over, rests, and takes its share again', async () => {
    const system = createSystem({ slots: 4 })
    const app = appOf()
    await system.deploy(app)
    const { clock, stall } = stallable(system.clock)
    const a = system.host(app, { clock })
    await until('the first has all', () => leading(a) === 4)
    const b = system.host(app)
    await until('they share', () => shareOf([a, b]).join() === '2,2')
    const goOn = stall()
    const stalled = system.clock.now() + 12_000
    await eventually(system, 'it is late', () => system.clock.now() >= stalled)
    goOn()
    await eventually(system, 'it hands over', () => shareOf([a, b]).join() === '0,4')
    await eventually(system, 'they share again', () => shareOf([a, b]).join() === '2,2')
    expect(a.host.counters.fences + b.host.counters.fences).toBe(0)
    await a.stop()
    await b.stop()
  })

  test('of one name: the lock file tells that the one before is dead, and its slots are back at once', async () => {
    const system = createSystem({ slots: 2 })
    const app = appOf()
    await system.deploy(app)
    const a = system.host(app, { instance: 'same' })
    await until('it leads', () => leading(a) === 2)
    a.crash()
    const before = system.clock.now()
    const b = system.host(app, { instance: 'same', locked: true })
    await until('it leads again', () => leading(b) === 2)
    expect(system.clock.now()).toBe(before)
    await b.stop()
  })

  test('of one name that both live: the second one goes', async () => {
    const system = createSystem({ slots: 1 })
    const app = appOf()
    await system.deploy(app)
    const a = system.host(app, { instance: 'same' })
    await until('it leads', () => leading(a) === 1)
    const b = system.host(app, { instance: 'same' })
    let fault: unknown
    b.running.catch((cause: unknown) => (fault = cause))
    await eventually(system, 'it goes', () => fault !== undefined, 120_000)
    expect(fault).toMatchObject({ name: 'DuplicateInstance', kind: 'exit' })
    expect(leading(a)).toBe(1)
    await a.stop()
  })
})

describe('a stale owner', () => {
  async function staleOwner(system: System, told: unknown[]) {
    const app = appOf({
      run: ({ attempt, signal }) => {
        if (attempt > 1) return Promise.resolve('by the successor')
        signal.addEventListener('abort', () => told.push(signal.reason))
        return hang()
      },
    })
    await system.deploy(app)
    const { leases, cut } = cuttable(system.leases)
    const stale = system.host(app, { leases })
    await until('it leads', () => leading(stale) === 1)
    return { app, stale, cut }
  }

  test('is fenced by the journal: its handlers are told, and what they bring is nobody’s', async () => {
    const system = createSystem()
    const told: unknown[] = []
    const { app, stale, cut } = await staleOwner(system, told)
    await system.send()
    await until('it runs', () => stale.host.status().room.hot === 1)
    cut()
    const successor = system.host(app)
    await eventually(system, 'all ended', async () => ends(await system.journal()).size === 1)
    // It does not know yet: nothing made it write. The next event does.
    await system.send()
    await until('it is fenced', () => stale.host.counters.fences === 1)
    expect(told).toMatchObject([{ name: 'AttemptAborted', reason: 'fenced' }])
    expect(leading(stale)).toBe(0)
    await eventually(system, 'both ended', async () => ends(await system.journal()).size === 2)
    expect([...ends(await system.journal()).values()]).toEqual([['succeeded'], ['succeeded']])
    stale.crash()
    await successor.stop()
  })

  test('that is idle finds out when it sees who has its lease', async () => {
    const system = createSystem()
    const { app, stale } = await staleOwner(system, [])
    const key = `slot.1.shop.0`
    const held = await system.leases.get(key)
    if (!held) throw new Error('no lease')
    await system.leases.remove(key, held.revision)
    const successor = system.host(app)
    await eventually(system, 'one of them leads', () => leading(stale) + leading(successor) === 1)
    await stale.stop()
    await eventually(system, 'the other one does', () => leading(successor) === 1)
    await successor.stop()
  })
})

test('what ran in a host that died is lost, spends an attempt, and runs again alone', async () => {
  const system = createSystem()
  const app = appOf({ run: ({ attempt }) => (attempt === 1 ? hang() : Promise.resolve('again')) })
  await system.deploy(app)
  const first = system.host(app)
  await system.send()
  await until('it runs', () => first.host.status().room.hot === 1)
  first.crash()
  const second = system.host(app)
  await eventually(system, 'it ended', async () => ends(await system.journal()).size === 1)
  const all = transitions(await system.journal())
  expect(all.map(({ event }) => event.type)).toEqual([
    'dispatch.started',
    'attempt.lost',
    'attempt.succeeded',
  ])
  expect(all.at(-1)?.record).toMatchObject({ attempt: 2, spent: 1, alone: true })
  await second.stop()
})

describe('a checkpoint', () => {
  const limits = { checkpointEntries: 40 }

  async function worked(): Promise<System> {
    const system = createSystem()
    const app = appOf({ run: ({ event }) => (event.data === 'hang' ? hang() : Promise.resolve(1)) })
    await system.deploy(app)
    const running = system.host(app, { limits })
    await until('it leads', () => leading(running) === 1)
    await system.send({ data: 'hang' })
    for (let wave = 1; wave <= 6; wave++) {
      await system.send(...Array.from({ length: 20 }, () => ({})))
      await until('a wave ended', async () => ends(await system.journal()).size === 20 * wave)
    }
    await until('checkpoints are written', () => running.host.counters.checkpoints >= 4)
    running.crash()
    return system
  }

  const id = { app: 'shop', generation: 1, slot: 0 }
  const portsOf = (system: System) => ({
    ...system,
    sliceMsMax: 20,
    signal: new AbortController().signal,
  })

  test('is the fold of the journal, and leaves little of it to fold', async () => {
    const system = await worked()
    const restored = await recover(id, portsOf(system))
    const { log } = system
    // The same journal, read by somebody who does not look at the pointer.
    const folded = await recover(id, {
      ...portsOf(system),
      log: {
        ...bound(log),
        last: async (stream, subject) => {
          const found = await log.last(stream, subject)
          return found && withoutPointer(found)
        },
      },
    })
    expect(restored.folded).toBeLessThan(folded.folded / 2)
    expect(restored.head).toEqual(folded.head)
    const hashes = ({ partition }: typeof restored): string[] =>
      [...encodeBuckets(sha256, freeze(partition))].flatMap((bucket) => bucket?.hash ?? [])
    expect(hashes(restored)).toEqual(hashes(folded))
    expect(restored.partition.dispatches.size).toBe(1)
  })

  test('is kept twice, a third time until the journal names it, and what comes before is dropped', async () => {
    const system = await worked()
    const names = await system.snapshots.list('')
    const kept = new Set(names.map((name) => name.split('/')[1]))
    expect([2, 3]).toContain(kept.size)
  })

  test('that is not what was stored halts the partition, and nobody else takes it', async () => {
    const system = await worked()
    const names = await system.snapshots.list('')
    for (const name of names) if (name.endsWith('/17')) await system.snapshots.remove(name)
    const next = system.host(appOf())
    const state = (): string | undefined => next.host.status().partitions[0]?.state
    await eventually(system, 'it is halted', () => state() === 'halted')
    expect(next.host.status().partitions[0]?.halted).toContain('bucket 17')
    await next.stop()
  })
})

test('a stream that is not what was read halts the partition', async () => {
  const system = createSystem()
  const app = appOf()
  await system.deploy(app)
  const first = system.host(app)
  await system.send()
  await until('it ended', async () => ends(await system.journal()).size === 1)
  await first.stop()
  const { log } = system
  const forged = {
    ...bound(log),
    get: async (stream: string, seq: number) => {
      const found = await log.get(stream, seq)
      return found && { ...found, bytes: Uint8Array.of(...found.bytes, 0) }
    },
  }
  const next = system.host(app, { log: forged })
  const state = (): string | undefined => next.host.status().partitions[0]?.state
  await until('it is halted', () => state() === 'halted')
  expect(next.host.status().partitions[0]?.halted).toContain('rewritten')
  await next.stop()
})

/** The same bundle, as if no checkpoint had ever been written. */
function withoutPointer(stored: Stored): Stored {
  const { header, entries } = decodeBundle(sha256, stored.bytes)
  const { checkpoint: _, ...rest } = header
  return { ...stored, bytes: encodeBundle(rest, entries) }
}
