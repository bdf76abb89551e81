import { createMemoryLeases } from '@waybill/log'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createKeeper, virtualClock } from '../src/index.ts'

const leases = createMemoryLeases()
const clock = virtualClock(1000)
const keeper = (instance: string, incarnation = instance) =>
  createKeeper({
    leases,
    clock,
    key: 'op.1',
    schema: z.int(),
    me: { instance, incarnation },
    silentMs: 100,
  })

test('a kept value has one keeper, who is replaced when it is silent, and then changes nothing', async () => {
  const [ann, bob, carl] = [keeper('ann'), keeper('bob'), keeper('carl')]
  expect(await bob.take()).toBeUndefined()
  expect(await ann.take(1)).toBe(1)
  expect(await bob.take(7)).toBeUndefined()
  clock.advanceTo(1099)
  // It is heard though it says the same.
  expect(await ann.keep(1)).toBe(true)
  expect(await bob.take()).toBeUndefined()
  clock.advanceTo(1198)
  expect(await bob.take()).toBeUndefined()
  clock.advanceTo(1199)
  expect(await bob.take()).toBe(1)
  expect(await ann.keep(2)).toBe(false)
  expect(await bob.keep(3)).toBe(true)
  // Who comes new has to listen first; a restart of the same need not, nor who is given it.
  expect(await carl.take()).toBeUndefined()
  const again = keeper('bob', 'started again')
  expect(await again.take()).toBe(3)
  expect(await bob.keep(4)).toBe(false)
  await again.release()
  expect(await carl.take()).toBe(3)
  await carl.remove()
  expect(await ann.take()).toBeUndefined()
  expect(await leases.get('op.1')).toBeUndefined()
})
