import { until } from '../fixture/until.ts'
import { ask } from './ask.ts'
import type { Shop } from './shop.ts'

/** One of everything: what died, waits, is held, is deferred, was cancelled and went well. */
export async function fill({ desk, send, stack }: Shop): Promise<void> {
  const { dashboard } = stack
  const about = { app: 'shop', reason: 'to have something to see' }
  desk.now('charge', 'refuses')
  desk.now('ship', 'holds up')
  desk.now('wait', 'holds up')
  await send('order.placed', 1)
  for (const n of [1, 2, 3]) await send('parcel.ready', n)
  for (const n of [1, 2]) await send('call.asked', n)
  await send('job.asked', 1)
  await send('note.written', 1)
  const counted = (states: Readonly<Record<string, number>>) =>
    until(`there are ${JSON.stringify(states)}`, 20_000, async () => {
      const { states: are } = await ask(dashboard, 'stats.states', { app: 'shop' })
      return Object.entries(states).every(([state, many]) => are[state] === many)
    })
  await counted({ attempting: 2, succeeded: 1 })
  await ask(dashboard, 'binding.pause', { ...about, binding: 'file' })
  await send('note.written', 2)
  await ask(dashboard, 'flow.set', { ...about, limit: 'charge/concurrency', rule: { max: 30 } })
  await ask(dashboard, 'dispatch.cancelMany', { ...about, filter: { binding: 'wait' } })
  await counted({ attempting: 1, cancelled: 1 })
}
