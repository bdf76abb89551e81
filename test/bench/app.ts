import { defineApp, defineBinding, defineEvent, PermanentError } from '@waybill/sdk'
import { z } from 'zod'

export const noop = defineEvent('bench.noop', z.object({ n: z.int(), pad: z.string() }))
/** A limit whose key is the partition key lives where the event does; one without a key, somewhere. */
export const gatedHere = defineEvent('bench.gated-here', z.object({ n: z.int(), pad: z.string() }))
export const gatedElsewhere = defineEvent(
  'bench.gated-elsewhere',
  z.object({ n: z.int(), pad: z.string() }),
)
export const flaky = defineEvent('bench.flaky', z.object({ n: z.int(), pad: z.string() }))
export const broken = defineEvent('bench.broken', z.object({ n: z.int(), pad: z.string() }))

/** A redriven dispatch goes on under the key of the one that died. */
const died = new Set<string>()

export const app = defineApp({
  name: 'bench',
  bindings: [
    defineBinding({ id: 'noop', on: noop, handler: async () => undefined }),
    defineBinding({
      id: 'gated-here',
      on: gatedHere,
      flow: { concurrency: { max: 1000, key: 'string(event.data.n)' } },
      handler: async () => undefined,
    }),
    defineBinding({
      id: 'gated-elsewhere',
      on: gatedElsewhere,
      flow: { concurrency: 1_000_000 },
      handler: async () => undefined,
    }),
    defineBinding({
      id: 'flaky',
      on: flaky,
      retry: { attempts: 3, backoff: 'immediate' },
      handler: async ({ attempt }) => {
        if (attempt < 3) throw new Error('not yet')
      },
    }),
    defineBinding({
      id: 'broken',
      on: broken,
      handler: async ({ idempotencyKey }) => {
        if (died.has(idempotencyKey)) return
        died.add(idempotencyKey)
        throw new PermanentError('not before it is redriven')
      },
    }),
  ],
})
