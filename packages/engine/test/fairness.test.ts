import { expect, test } from 'vitest'
import { appOf, createSystem, definition, ends, leading, until } from './system.ts'

test('what is due comes before what is new: under load a retry waits for room, not for its turn', async () => {
  const system = createSystem()
  const retry = { kind: 'immediate', maxAttempts: 2, jitter: 'none' } as const
  const order: string[] = []
  const app = appOf({
    definitions: [definition({ retry })],
    run: async ({ dispatch, attempt }) => {
      order.push(`${dispatch} ${attempt}`)
      if (attempt === 1) throw new Error('not yet')
      return undefined
    },
  })
  await system.deploy(app)
  const running = system.host(app, { limits: { hotMax: 1 } })
  await until('it leads', () => leading(running) === 1)
  const events = Array.from({ length: 20 }, (_, n) => ({ dedupeKey: `n${n}` }))
  await system.send(...events)
  // The clock stands still: nothing but room may be what a retry waits for.
  await until('all have ended', async () => ends(await system.journal()).size === 20)
  await running.stop()
  expect(order).toHaveLength(40)
  // The first dispatch is retried long before the last event begins.
  const [first = ''] = order
  const retried = order.indexOf(first.replace(/ 1$/, ' 2'))
  expect(retried).toBeGreaterThan(0)
  expect(retried).toBeLessThan(6)
})
