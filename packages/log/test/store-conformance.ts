import { describe, expect, test } from 'vitest'
import type { LeaseChange, LeaseStore } from '../src/index.ts'
import { bytes } from './conformance.ts'
import type { OpenWorld } from './fixture/worlds.ts'

/** What both adapters of the two small stores promise. */
export function storeConformance(name: string, open: OpenWorld): void {
  describe(`leases, ${name}`, () => {
    test('a value changes by its revision only', async () => {
      await using world = await open()
      const { leases } = world
      expect(await leases.get('slot.1')).toBeUndefined()
      expect(await leases.put('slot.1', bytes(1), 0)).toBe(1)
      expect(await leases.put('slot.1', bytes(2), 0)).toBeUndefined()
      expect(await leases.put('slot.1', bytes(2), 1)).toBe(2)
      expect(await leases.put('slot.1', bytes(3), 1)).toBeUndefined()
      expect(await leases.get('slot.1')).toEqual({ value: bytes(2), revision: 2 })
    })

    test('a key that was removed is absent, and may be put again', async () => {
      await using world = await open()
      const { leases } = world
      await leases.put('slot.1', bytes(1), 0)
      expect(await leases.remove('slot.1', 9)).toBe(false)
      expect(await leases.remove('slot.1', 0)).toBe(false)
      expect(await leases.remove('slot.2', 1)).toBe(false)
      expect(await leases.remove('slot.1', 1)).toBe(true)
      expect(await leases.get('slot.1')).toBeUndefined()
      expect(await leases.list('')).toEqual([])
      expect(await leases.put('slot.1', bytes(2), 0)).toBe(3)
      expect(await leases.put('slot.1', bytes(4), 0)).toBeUndefined()
    })

    test('of many racers for one key one wins', async () => {
      await using world = await open()
      const racers = Array.from({ length: 20 }, (_, n) => world.leases.put('slot.1', bytes(n), 0))
      const won = (await Promise.all(racers)).filter((revision) => revision !== undefined)
      expect(won).toHaveLength(1)
    })

    test('a watch tells what is there, not what was removed before, and then every change', async () => {
      await using world = await open()
      const { leases } = world
      await leases.put('slot.1', bytes(1), 0)
      await leases.remove('slot.1', 1)
      await leases.put('slot.2', bytes(2), 0)
      await leases.put('slotless', bytes(3), 0)
      const stop = new AbortController()
      const next = changes(leases, 'slot', stop.signal)
      expect(await next()).toEqual({ key: 'slot.2', revision: 3, value: bytes(2) })
      await leases.put('slot.1', bytes(4), 0)
      expect(await next()).toEqual({ key: 'slot.1', revision: 5, value: bytes(4) })
      await leases.remove('slot.2', 3)
      expect(await next()).toEqual({ key: 'slot.2', revision: 6, value: undefined })
      const end = next()
      stop.abort()
      expect(await end).toBeUndefined()
    })

    test('a key that is no key, and a value that is nothing, are our own bugs', async () => {
      await using world = await open()
      const { leases } = world
      for (const key of ['', 'a..b', 'a.*', '>', 'a b']) {
        await expect(leases.put(key, bytes(1), 0)).rejects.toBeInstanceOf(RangeError)
        await expect(leases.get(key)).rejects.toBeInstanceOf(RangeError)
      }
      await expect(leases.put('slot.1', new Uint8Array(), 0)).rejects.toBeInstanceOf(RangeError)
    })
  })

  describe(`snapshots, ${name}`, () => {
    test('a name keeps its bytes', async () => {
      await using world = await open()
      const { snapshots } = world
      await snapshots.put('app.1/7/0', bytes(1))
      await snapshots.put('app.1/7/0', bytes(1))
      const other = snapshots.put('app.1/7/0', bytes(2))
      await expect(other).rejects.toMatchObject({ name: 'SnapshotExists' })
      expect(await snapshots.get('app.1/7/0')).toEqual(bytes(1))
    })

    test('large ones come back whole, in several at once', async () => {
      await using world = await open()
      const { snapshots, log } = world
      const large = [1, 2, 3].map((n) => new Uint8Array(1_300_000).fill(n))
      await Promise.all(large.map((one, n) => snapshots.put(`a/${n}`, one)))
      for (const [n, one] of large.entries()) {
        const found = await snapshots.get(`a/${n}`)
        expect(found && log.hash.bytes(found)).toBe(log.hash.bytes(one))
      }
    })

    test('what is removed is gone, and its name is free', async () => {
      await using world = await open()
      const { snapshots } = world
      await snapshots.put('a', bytes(1))
      await snapshots.remove('a')
      await snapshots.remove('a')
      expect(await snapshots.get('a')).toBeUndefined()
      expect(await snapshots.list('')).toEqual([])
      await snapshots.put('a', bytes(2))
      expect(await snapshots.get('a')).toEqual(bytes(2))
    })
  })
}

function changes(
  leases: LeaseStore,
  prefix: string,
  signal: AbortSignal,
): () => Promise<LeaseChange | undefined> {
  const all = leases.watch(prefix, signal)[Symbol.asyncIterator]()
  return async () => {
    const { done, value } = await all.next()
    return done ? undefined : value
  }
}
