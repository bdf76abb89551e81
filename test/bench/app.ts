import { defineApp, defineBinding, defineEvent } from '@waybill/sdk'
import { z } from 'zod'

export const noop = defineEvent('bench.noop', z.object({ n: z.int(), pad: z.string() }))
export const flaky = defineEvent('bench.flaky', z.object({ n: z.int(), pad: z.string() }))

export const app = defineApp({
  name: 'bench',
  bindings: [
    defineBinding({ id: 'noop', on: noop, handler: async () => undefined }),
    defineBinding({
      id: 'flaky',
      on: flaky,
      retry: { attempts: 3, backoff: 'immediate' },
      handler: async ({ attempt }) => {
        if (attempt < 3) throw new Error('not yet')
      },
    }),
  ],
})
