import type { Operation } from '@waybill/api'
import { decode } from '@waybill/core'
import { streamNames, subjects } from '@waybill/log'
import { z } from 'zod'
import type { HandlerParts } from './parts.ts'

const record = z.looseObject({
  id: z.string(),
  kind: z.string(),
  app: z.string(),
  by: z.string(),
  reason: z.string(),
  at: z.int(),
  filter: z.record(z.string(), z.unknown()).default({}),
  state: z.enum(['running', 'done', 'cancelled', 'failed', 'interrupted']).default('done'),
  total: z.int().default(0),
  done: z.int().default(0),
  declined: z.int().default(0),
  endedAt: z.int().optional(),
  note: z.string().optional(),
})

/** What stands in OPS, newest first; of each operation its last word. */
export async function recorded(
  { log, topology }: Pick<HandlerParts, 'log' | 'topology'>,
  limit: number,
): Promise<readonly Operation[]> {
  const stream = streamNames(topology).ops
  const { firstSeq, lastSeq } = await log.info(stream)
  const found = new Map<string, Operation>()
  const fromSeq = Math.max(1, firstSeq, lastSeq - 20 * limit)
  const subject = `${topology.prefix}.op.*`
  if (lastSeq < fromSeq) return []
  const probe = subjects(topology).op('probe')
  for await (const stored of log.read({ stream, subjects: [subject], fromSeq })) {
    if (stored.subject === probe) continue
    const read = record.safeParse(decode(stored.bytes))
    if (!read.success) continue
    const { id, kind, app, by, reason, at, filter, state, total, done, declined } = read.data
    const { endedAt, note } = read.data
    const known = found.get(id)
    found.delete(id)
    found.set(id, {
      id,
      kind,
      app,
      by,
      reason,
      filter,
      state,
      total,
      done,
      declined,
      endedAt,
      note,
      at: known?.at ?? at,
    })
  }
  return [...found.values()].reverse().slice(0, limit)
}
