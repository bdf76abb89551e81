import { liveBundle } from '@waybill/core'
import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { asOf } from './shapes.ts'

const count = z.int().nonnegative()
const query = { kind: 'query', owner: 'projector', answeredBy: 'any' } as const

/** What only pages ask: summaries, pictures, and what they missed while nobody looked. */
export const views = {
  'live.read': endpoint({
    ...query,
    summary: 'What watchers were told, again, from the journal',
    request: z.strictObject({
      stream: z.string().max(128),
      /** The last sequence that is known. */
      after: count,
      /** Sequences to look at. */
      limit: z.int().min(1).max(1000).default(500),
    }),
    response: z.object({
      bundles: z.array(liveBundle),
      /** The last sequence that was looked at: what has no bundle up to here is gone. */
      upTo: count,
      asOf,
    }),
  }),
}
