import type { KeyedLimit } from '@waybill/core'
import { test } from 'vitest'
import { appOf, createSystem, definition, eventually, leading, until } from './system.ts'

test('more letters than are read ahead do not stop the lane that answers', async () => {
  const one: KeyedLimit = {
    name: 'concurrency',
    scope: 'binding',
    rule: { kind: 'concurrency', max: 1 },
  }
  const system = createSystem({ slots: 4 })
  let ran = 0
  const app = appOf({
    run: async () => {
      ran += 1
      return undefined
    },
    definitions: [definition({ flow: { limits: [one], holdWhileRetrying: false } })],
  })
  await system.deploy(app)
  const running = system.host(app, { limits: { readAheadMessages: 8 } })
  await until('it leads', () => leading(running) === 4)
  for (let n = 0; n < 40; n++) await system.send({ partitionKey: `p${n}` })
  await eventually(system, 'all are done', () => ran === 40, 60_000)
  await running.stop()
}, 60_000)
