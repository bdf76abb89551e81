import type { Context } from 'hono'
import type { Stored } from './door.ts'
import { isRefusal, type Refusal, statusOf } from './refusal.ts'

/** 202: it is in the log. 200: it was there already; the id is the first one's. */
export function answerOne(context: Context, stored: Stored | Refusal): Response {
  if (isRefusal(stored)) return answerRefusal(context, stored)
  return context.json(viewOf(stored), stored.duplicate ? 200 : 202)
}

/** What was stored of a batch that failed half-way is a duplicate when the batch comes again. */
export function answerBatch(context: Context, all: readonly (Stored | Refusal)[]): Response {
  const refusal = all.find(isRefusal)
  if (refusal !== undefined) return answerRefusal(context, refusal)
  const events = all.filter((each): each is Stored => !isRefusal(each)).map(viewOf)
  return context.json({ events }, events.every((each) => 'duplicate' in each) ? 200 : 202)
}

const viewOf = ({ id, duplicate }: Stored) => (duplicate ? { id, duplicate } : { id })

export function answerRefusal(
  context: Context,
  { refused, reason, retryAfterMs }: Refusal,
): Response {
  const status = statusOf[refused]
  // Nothing here may tell a wrong signature from an endpoint that does not exist.
  if (refused === 'unauthorized') return context.json({ error: refused }, status)
  const headers: Record<string, string> = {}
  if (retryAfterMs !== undefined) headers['retry-after'] = String(Math.ceil(retryAfterMs / 1000))
  return context.json({ error: refused, reason }, status, headers)
}
