import { defineApp, defineBinding, defineEvent, PermanentError } from '@waybill/sdk'
import { z } from 'zod'

/** A shop whose work is done, refused or held up by a desk that the test keeps; see `desk.ts`. */

const numbered = z.object({ n: z.int() })
const orderPlaced = defineEvent('order.placed', numbered)
const orderCharged = defineEvent('order.charged', numbered)
const parcelReady = defineEvent('parcel.ready', numbered)
const noteWritten = defineEvent('note.written', numbered)
const jobAsked = defineEvent('job.asked', numbered)
const callAsked = defineEvent('call.asked', numbered)
const issueOpened = defineEvent(
  'github.issues.opened',
  z.looseObject({ issue: z.looseObject({ number: z.int() }) }),
)

const deskUrl = process.env['SHOP_DESK_URL'] ?? 'http://127.0.0.1:1'

async function desk(name: string, signal: AbortSignal): Promise<void> {
  const answer = await fetch(new URL(name, deskUrl), { method: 'POST', signal })
  if (!answer.ok) throw new PermanentError(`the ${name} desk is closed`)
}

export const app = defineApp({
  name: 'shop',
  bindings: [
    defineBinding({
      id: 'charge',
      on: orderPlaced,
      flow: { concurrency: 20 },
      handler: async ({ data, send, signal }) => {
        await desk('charge', signal)
        await send(orderCharged, data)
        return { charged: data.n }
      },
    }),
    defineBinding({
      id: 'thank',
      on: orderCharged,
      handler: ({ data }) => ({ thanked: data.n }),
    }),
    defineBinding({
      id: 'ship',
      on: parcelReady,
      flow: { concurrency: 1 },
      handler: ({ signal }) => desk('ship', signal),
    }),
    defineBinding({
      id: 'file',
      on: noteWritten,
      handler: ({ data }) => ({ filed: data.n }),
    }),
    defineBinding({
      id: 'wait',
      on: jobAsked,
      handler: ({ signal }) => desk('wait', signal),
    }),
    // One failure, and nobody is called for an hour.
    defineBinding({
      id: 'call',
      on: callAsked,
      circuit: { destination: '"exchange"', failures: 1, open: '1h', openMax: '1h' },
      retry: { attempts: 1 },
      handler: () => {
        throw new Error('the exchange does not answer')
      },
    }),
    defineBinding({
      id: 'triage',
      on: issueOpened,
      handler: async ({ data, send, signal }) => {
        await desk('triage', signal)
        await send(orderCharged, { n: data.issue.number })
      },
    }),
  ],
})
