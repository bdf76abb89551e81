import { manifest } from '@waybill/core'
import { defineApp, defineBinding, DefinitionError } from '@waybill/sdk'
import type { Door } from './door.ts'
import { anyValue, mutated } from './mutate.ts'

const key = 'event.data.id'
const window = { max: 3, period: '1m' }
const settings: readonly object[] = [
  { key: { key, policy: 'queue' }, concurrency: 5 },
  { batch: { size: 10, timeout: '5s', maxBytes: 1000 }, concurrency: [1, { key, max: 2 }] },
  { debounce: { key, period: '1s', maxWait: '1m' }, singleton: { key, mode: 'skip' } },
  { rateLimit: [window, { ...window, key, scope: 'app', name: 'api' }], throttle: window },
  { singleton: 'replace', concurrency: { max: 1 }, holdWhileRetrying: true },
]

// As a user of JavaScript would call it: nothing is checked before.
const define = defineBinding as unknown as (spec: object) => ReturnType<typeof defineBinding>

/** Whatever is written as flow control is refused with its issues, or makes a sound manifest. */
export const flow: Door = {
  // What a getter of the author's throws is the author's.
  isTyped: (thrown) => thrown instanceof DefinitionError || messageOf(thrown) === 'a trap',
  prepare(chance) {
    const given = chance.oneIn(8) ? anyValue(chance) : mutated(chance, chance.pick(settings))
    return () => {
      const spec = { id: 'a', on: 'order.>', handler: () => undefined, flow: given }
      const bindings = [define(spec), define({ ...spec, id: 'b' })]
      const { definitions } = defineApp({ name: 'shop', bindings })
      for (const one of definitions) manifest.parse({ ...one, version: 1 })
      return 'accepted'
    }
  },
}

const messageOf = (thrown: unknown): unknown => thrown instanceof Error && thrown.message
