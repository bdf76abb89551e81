import { z } from 'zod'
import { defineApp, defineBinding, defineEvent } from '../src/index.ts'

const placed = defineEvent('order.placed', z.object({ id: z.string(), customer: z.string() }))
const changed = defineEvent('stock.changed', z.object({ sku: z.string() }))
const viewed = defineEvent('page.viewed', z.object({ page: z.string() }))

// Written once: whoever names a limit of the app shares it.
const mail = { name: 'mail-server', scope: 'app', max: 100, period: '1m' } as const

const confirm = defineBinding({
  id: 'confirm',
  on: placed,
  key: 'event.data.id',
  flow: {
    key: 'queue', // one at a time of each order, in the order of the events
    throttle: mail, // over it they wait
    concurrency: [20, { max: 2, key: (event) => event.data.customer }], // 20 in all, 2 of a customer
  },
  handler: ({ data }) => `mail to ${data.customer}`,
})
const reprice = defineBinding({
  id: 'reprice',
  on: changed,
  flow: { debounce: { key: 'event.data.sku', period: '5s', maxWait: '1m' }, singleton: 'replace' },
  handler: ({ data }) => `price of ${data.sku}`,
})
const count = defineBinding({
  id: 'count',
  on: viewed,
  flow: { batch: { size: 500, timeout: '10s' }, concurrency: 1 },
  handler: ({ events }) => `${events.length} views`,
})
export const app = defineApp({ name: 'shop', bindings: [confirm, reprice, count] })
