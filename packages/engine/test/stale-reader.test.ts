import { PositionLost, type EventLog, type LeaseStore } from '@waybill/log'
import { expect, test } from 'vitest'
import { appOf, bound, createSystem, ends, eventually, leading, until } from './system.ts'

/** Leases that this host cannot reach any more, once they are cut. */
function cuttable(leases: LeaseStore): { leases: LeaseStore; cut: () => void } {
  let isCut = false
  const never = new Promise<never>(() => {})
  const reached = <T>(call: () => Promise<T>): Promise<T> => (isCut ? never : call())
  return {
    leases: {
      get: (key) => reached(() => leases.get(key)),
      list: (prefix) => reached(() => leases.list(prefix)),
      put: (key, value, revision) => reached(() => leases.put(key, value, revision)),
      remove: (key, revision) => reached(() => leases.remove(key, revision)),
      async *watch(prefix, signal) {
        for await (const change of leases.watch(prefix, signal)) if (!isCut) yield change
      },
    },
    cut: () => {
      isCut = true
    },
  }
}

/** Readers that are told, whenever the test says so, that what they are to read is gone. */
function losing(log: EventLog): { log: EventLog; lose: (stream: string) => void } {
  const told = new Map<string, PromiseWithResolvers<never>>()
  const wrapped: EventLog = {
    ...bound(log),
    follow(range, signal) {
      const reader = log.follow(range, signal)
      const gone = Promise.withResolvers<never>()
      gone.promise.catch(() => undefined)
      told.set(range.stream, gone)
      const messages = reader[Symbol.asyncIterator]()
      return {
        grant: (credit) => reader.grant(credit),
        [Symbol.asyncIterator]: () => ({
          next: () => Promise.race([messages.next(), gone.promise]),
          return: (value) => messages.return?.(value) ?? Promise.resolve({ done: true, value }),
        }),
        [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
      }
    },
  }
  return {
    log: wrapped,
    lose(stream) {
      told.get(stream)?.reject(new PositionLost(stream, 1, { firstSeq: 9, lastSeq: 9 }))
    },
  }
}

test('a host whose next message was purged under another leader is fenced, not halted', async () => {
  const system = createSystem()
  const app = appOf()
  await system.deploy(app)
  const { leases, cut } = cuttable(system.leases)
  const { log, lose } = losing(system.log)
  const stale = system.host(app, { leases, log })
  await until('it leads', () => leading(stale) === 1)
  await system.send()
  await until('it ended', async () => ends(await system.journal()).size === 1)
  cut()
  const successor = system.host(app)
  await eventually(system, 'the successor leads', () => leading(successor) === 1)
  lose('EVENTS_g1')
  await until('it is fenced', () => stale.host.counters.fences === 1)
  expect(stale.host.status().partitions).toEqual([])
  await system.send()
  await until('both ended', async () => ends(await system.journal()).size === 2)
  stale.crash()
  await successor.stop()
})

test('a leader whose next message is gone is halted', async () => {
  const system = createSystem()
  const app = appOf()
  await system.deploy(app)
  const { log, lose } = losing(system.log)
  const host = system.host(app, { log })
  await until('it leads', () => leading(host) === 1)
  await system.send()
  await until('it ended', async () => ends(await system.journal()).size === 1)
  lose('EVENTS_g1')
  await until('it is halted', () => host.host.status().partitions[0]?.state === 'halted')
  host.crash()
})
