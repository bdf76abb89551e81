import { z } from 'zod'
import { manifest } from '../binding.ts'
import type { Plain } from '../codec.ts'
import { member } from '../dispatch/flow.ts'
import { deadReason, dispatchOrigin, dispatchRecord } from '../dispatch/record.ts'
import { dispatchId, hex64, token } from '../id.ts'
import { circuitView } from '../ledger/circuit-state.ts'
import { plainLedger } from '../ledger/ledger.ts'
import { place } from '../ledger/limit.ts'
import { rule, rulePatch } from '../ledger/rule.ts'
import { ticket } from '../ledger/ticket.ts'
import { held, pause } from './held.ts'
import { letter, letterBody } from './letter.ts'

export const SNAPSHOT_VERSION = 1

/** The head, then 256 by the first byte of the hash in an id. */
export const bucketsCount = 257
/** Snapshots are as large as the state is; what bounds them is the partition. */
export const unbounded = {
  bytesMax: 256 * 1024 * 1024,
  nodesMax: Number.MAX_SAFE_INTEGER,
  keysMax: Number.MAX_SAFE_INTEGER,
}

const count = z.int().nonnegative()

const shape = z.strictObject({ idsMax: count, shortened: count, hours: z.array(z.int()) })

export const headSchema = z.strictObject({
  v: z.literal(SNAPSHOT_VERSION),
  app: token,
  generation: z.int().positive(),
  slot: count,
  at: count,
  epoch: z.strictObject({
    number: count,
    instance: z.string(),
    incarnation: z.string(),
    barren: count,
    hosts: z.array(z.string()),
  }),
  taken: count,
  streams: z.record(z.string(), z.string()),
  positions: z.record(z.string(), z.strictObject({ seq: count, index: count, hash: z.string() })),
  definitions: count,
  manifests: z.array(manifest),
  active: z.record(z.string(), z.string()),
  started: count,
  letters: z.custom<Plain>((value) => value !== undefined),
  outbox: z.record(
    z.string(),
    z.strictObject({ last: count, queued: z.array(z.strictObject({ number: count, letter })) }),
  ),
  bulk: z.array(
    z.strictObject({
      letter: token,
      body: letterBody,
      replyTo: z.string().optional(),
      upTo: count,
      cursor: count,
      done: count,
    }),
  ),
  checkpoint: z
    .strictObject({ position: count, number: count, hash: hex64, snapshot: z.string() })
    .optional(),
  seen: shape,
  ended: shape,
  // Absent where there is nothing to tell.
  since: count.optional(),
  inbox: z.record(z.string(), count).optional(),
  rules: z.record(z.string(), z.strictObject({ rule, since: count })).optional(),
  overrides: z
    .record(
      z.string(),
      z.strictObject({ rule: rulePatch, by: z.string(), reason: z.string(), at: count }),
    )
    .optional(),
  views: z.record(z.string(), circuitView).optional(),
  voided: z.array(z.string()).optional(),
  backlog: z.array(z.string()).optional(),
  pauses: z.record(z.string(), pause).optional(),
  held: z.record(z.string(), held).optional(),
  passed: z.array(count).optional(),
})
export type Head = z.infer<typeof headSchema>

/** Of one hourly block what falls into this bucket, in the order in which it came. */
const remembered = z.strictObject({
  block: count,
  ids: z.array(z.string()),
  digests: z.array(z.string()),
})

export const sliceSchema = z.strictObject({
  dispatches: z.array(
    z.strictObject({
      id: dispatchId,
      origin: dispatchOrigin,
      record: dispatchRecord,
      head: hex64,
      limits: z.array(place).readonly().optional(),
      batch: z.array(member).readonly().optional(),
    }),
  ),
  dead: z.array(
    z.strictObject({
      id: dispatchId,
      at: count,
      reason: deadReason,
      origin: dispatchOrigin.optional(),
      limits: z.array(place).readonly().optional(),
      batch: z.array(member).readonly().optional(),
      as: dispatchId.optional(),
      discarded: z.boolean().optional(),
    }),
  ),
  seen: z.array(remembered),
  ended: z.array(remembered),
  ledgers: z.array(plainLedger).optional(),
  /** Of ledgers in any bucket; these fall where their dispatches' ids do. */
  waiters: z.array(z.strictObject({ ledger: z.string(), ticket, since: count })).optional(),
})
export type Slice = z.infer<typeof sliceSchema>
