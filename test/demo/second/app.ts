import { defineApp, defineBinding, defineEvent, RetryAfter } from '@waybill/sdk'
import { z } from 'zod'

/** The second act's app: everything goes through limits, and a bank that fails for a while. */

export const orderPlaced = defineEvent(
  'order.placed',
  z.object({ order: z.int(), account: z.string() }),
)

const bankUrl = process.env['DEMO_BANK_URL'] ?? 'http://127.0.0.1:1'

async function bank(path: string, idempotencyKey: string, body: object): Promise<void> {
  const response = await fetch(new URL(path, bankUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
    body: JSON.stringify(body),
  })
  if (response.ok) return
  throw new RetryAfter(50, `the bank answered ${response.status}`)
}

export const chargesAtOnce = 6
export const bookingsAtOnce = 4

/** One of an account at a time, in the order of its orders; none while the bank is down. */
const charge = defineBinding({
  id: 'charge',
  on: orderPlaced,
  key: 'event.data.account',
  flow: { key: 'queue', concurrency: chargesAtOnce },
  circuit: { destination: '"bank"', failures: 5, open: '1s', openMax: '2s' },
  retry: { attempts: 5, backoff: 'fixed', delay: '100ms' },
  handler: ({ data, idempotencyKey }) => bank('/charge', idempotencyKey, data),
})

/** Gives up while the bank is down: dead letters to redrive. */
const book = defineBinding({
  id: 'book',
  on: orderPlaced,
  priority: 'low',
  flow: { concurrency: { max: bookingsAtOnce, scope: 'app', name: 'bank-bookings' } },
  retry: { attempts: 2, backoff: 'immediate' },
  handler: ({ data, idempotencyKey }) => bank('/book', idempotencyKey, data),
})

/** Once for an account, when its orders have stopped coming. */
const remind = defineBinding({
  id: 'remind',
  on: orderPlaced,
  flow: { debounce: { key: 'event.data.account', period: '300ms', maxWait: '2s' } },
  handler: ({ data }) => ({ reminded: data.account, of: data.order }),
})

/** At most two of an account in two seconds; the others are told why not. */
const notify = defineBinding({
  id: 'notify',
  on: orderPlaced,
  flow: { rateLimit: { key: 'event.data.account', max: 2, period: '2s' } },
  handler: ({ data }) => ({ notified: data.account }),
})

/** Ten orders a statement, or what there is after half a second. */
const statement = defineBinding({
  id: 'statement',
  on: orderPlaced,
  flow: { batch: { size: 10, timeout: '500ms' } },
  handler: ({ events }) => ({ orders: events.length }),
})

export const app = defineApp({ name: 'bank', bindings: [charge, book, remind, notify, statement] })
