import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { plan, type Lease, type Member, type View } from '../src/lease.ts'

/** A world of members that see everything and move one after the other. */
interface World {
  readonly slots: number
  now: number
  readonly members: Map<string, Member>
  readonly leases: Map<number, Lease>
}

const leaseMs = 20_000

function viewOf(world: World, instance: string, locked = false): View {
  const member = world.members.get(instance)
  if (!member) throw new Error(`no member ${instance}`)
  const { slots, now, leases } = world
  return { slots, now, leases, me: member, locked, members: [...world.members.values()] }
}

/** One round: everybody renews and makes one move. True if anybody moved. */
function round(world: World, order: readonly string[]): boolean {
  let moved = false
  for (const name of order) {
    const me = world.members.get(name)
    if (me) moved = turn(world, me) || moved
  }
  return moved
}

function turn(world: World, me: Member): boolean {
  const until = world.now + leaseMs
  const { instance, incarnation } = me
  world.members.set(instance, { ...me, until })
  for (const [slot, held] of world.leases) {
    if (held.incarnation === incarnation) world.leases.set(slot, { ...held, until })
  }
  const { acquire, release } = plan(viewOf(world, instance))
  if (acquire !== undefined) {
    const held = world.leases.get(acquire)
    expect(held === undefined || held.until <= world.now).toBe(true)
    world.leases.set(acquire, { ...me, until, epoch: 1 })
  }
  if (release !== undefined) {
    expect(world.leases.get(release)?.incarnation).toBe(incarnation)
    world.leases.delete(release)
  }
  return acquire !== undefined || release !== undefined
}

function sharesOf(world: World): Map<string, number[]> {
  const shares = new Map([...world.members.keys()].map((name) => [name, [] as number[]]))
  for (const [slot, { instance, until }] of world.leases) {
    if (until > world.now) shares.get(instance)?.push(slot)
  }
  return shares
}

function settle(world: World, order: readonly string[]): number {
  for (let rounds = 0; rounds < 200; rounds++) {
    if (!round(world, order)) return rounds
    world.now += 1000
  }
  throw new Error('the plan does not settle')
}

function expectFair(world: World): void {
  const sizes = [...sharesOf(world).values()].map(({ length }) => length)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(world.slots)
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
}

const names = ['ant', 'bee', 'cat', 'dog', 'eel', 'fox', 'gnu']
const born = (name: string, until = 0): Member => ({
  instance: name,
  incarnation: `${name}-1`,
  until,
})

const world = fc
  .record({
    slots: fc.integer({ min: 1, max: 24 }),
    count: fc.integer({ min: 1, max: names.length }),
    owners: fc.array(fc.nat(names.length), { maxLength: 24 }),
  })
  .map(({ slots, count, owners }): World => {
    const now = 1_000_000
    const members = new Map(names.slice(0, count).map((name) => [name, born(name, now + leaseMs)]))
    const leases = new Map<number, Lease>()
    for (const [slot, owner] of owners.entries()) {
      const name = names[owner % count]
      if (slot < slots && owner < count && name !== undefined) {
        leases.set(slot, { ...born(name, now + leaseMs), epoch: 1 })
      }
    }
    return { slots, now, members, leases }
  })

const order = fc.shuffledSubarray(names, { minLength: names.length })

describe('the lease plan', () => {
  test('settles in a fair share, from any start and in any order', () => {
    fc.assert(
      fc.property(world, order, (start, turns) => {
        settle(start, turns)
        expectFair(start)
      }),
    )
  })

  test('never takes a lease that is alive, even of its own name without the lock', () => {
    fc.assert(
      fc.property(world, fc.nat(names.length - 1), (start, at) => {
        const [name = 'ant'] = [...start.members.keys()].slice(at % start.members.size)
        start.members.set(name, { instance: name, incarnation: `${name}-2`, until: 0 })
        const { acquire } = plan(viewOf(start, name))
        const held = acquire === undefined ? undefined : start.leases.get(acquire)
        expect(held === undefined || held.until <= start.now).toBe(true)
      }),
    )
  })

  test('moves no slot that need not move', () => {
    fc.assert(
      fc.property(world, order, (start, turns) => {
        settle(start, turns)
        const before = new Map([...start.leases].map(([slot, { instance }]) => [slot, instance]))
        expect(settle(start, turns)).toBe(0)

        start.members.set('new', born('new', start.now + leaseMs))
        settle(start, [...turns, 'new'])
        expectFair(start)
        const moved = [...start.leases].filter(
          ([slot, { instance }]) => before.get(slot) !== instance,
        )
        expect(moved.every(([, { instance }]) => instance === 'new')).toBe(true)
        expect(moved.length).toBeLessThanOrEqual(Math.ceil(start.slots / start.members.size))
      }),
    )
  })

  test('gives the slots of one who vanished to the others, once its lease is over', () => {
    fc.assert(
      fc.property(world, order, (start, turns) => {
        fc.pre(start.members.size > 1)
        settle(start, turns)
        const [gone = 'ant'] = start.members.keys()
        const orphaned = sharesOf(start).get(gone) ?? []
        const alive = turns.filter((name) => name !== gone)
        const until = Math.max(...[...start.leases.values()].map((held) => held.until))

        // All but the vanished one see its member key until it lapses, and leave its slots alone.
        round(start, alive)
        expect(orphaned.every((slot) => start.leases.get(slot)?.instance === gone)).toBe(true)

        start.now = until
        start.members.delete(gone)
        settle(start, alive)
        expectFair(start)
      }),
    )
  })

  test('takes its own back at once when the lock proves that the one before is dead', () => {
    fc.assert(
      fc.property(world, order, (start, turns) => {
        settle(start, turns)
        const [name = 'ant'] = start.members.keys()
        const before = sharesOf(start).get(name) ?? []
        const reborn = { instance: name, incarnation: `${name}-2`, until: start.now + leaseMs }
        start.members.set(name, reborn)
        for (const _ of before) {
          const { acquire } = plan(viewOf(start, name, true))
          expect(before).toContain(acquire)
          if (acquire !== undefined) start.leases.set(acquire, { ...reborn, epoch: 2 })
        }
        expect(plan(viewOf(start, name, true))).toEqual({})
      }),
    )
  })
})
