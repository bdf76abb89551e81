import { decode, encode, entry as entrySchema, hex64, type Entry, type Hash } from '@waybill/core'
import { z } from 'zod'

export const BUNDLE_VERSION = 1

/** A bundle may hold many entries; one NATS message may hold 8 MiB. */
const bundleLimits = { bytesMax: 8 * 1024 * 1024 } as const

const at = z.int().nonnegative()

const position = z.strictObject({
  seq: z.int().nonnegative(),
  index: z.int().nonnegative(),
  hash: z.string(),
})

/**
 * One journal message: the inputs of many steps with their entries, in order. Its hash is the
 * sha-256 of its bytes; `prev` is the hash of the bundle before it, so holes, edits and reused
 * sequences show.
 */
export const bundleHeader = z.strictObject({
  v: z.literal(BUNDLE_VERSION),
  rules: z.int().positive(),
  app: z.string(),
  generation: z.int().positive(),
  slot: z.int().nonnegative(),
  epoch: z.int().positive(),
  /** 1, 2, 3 ... per partition, without gaps. */
  number: z.int().positive(),
  prev: hex64.optional(),
  instance: z.string(),
  /** How far each input stream is read once this bundle is applied. */
  positions: z.record(z.string(), position),
  /** Newest checkpoint written in an earlier bundle. */
  checkpoint: z
    .strictObject({ position: z.int().positive(), number: at, hash: hex64, snapshot: z.string() })
    .optional(),
})
export type BundleHeader = z.infer<typeof bundleHeader>

const wire = bundleHeader.extend({ entries: z.array(z.instanceof(Uint8Array)) })

export interface Bundle {
  readonly header: BundleHeader
  /** Canonical bytes of each entry: what is hashed and compared. */
  readonly entries: readonly Uint8Array[]
  /** sha-256 of the whole message. */
  readonly hash: string
}

export function encodeBundle(header: BundleHeader, entries: readonly Uint8Array[]): Uint8Array {
  return encode({ ...header, entries }, bundleLimits)
}

export function decodeBundle(hash: Hash, bytes: Uint8Array): Bundle {
  const { entries, ...header } = wire.parse(decode(bytes, bundleLimits))
  return { header, entries, hash: hash.bytes(bytes) }
}

/** Decodes an entry that this project wrote and whose hash was checked. */
export const decodeEntry = (bytes: Uint8Array): Entry => entrySchema.parse(decode(bytes))

const batch = z.strictObject({ v: z.literal(1), items: z.array(z.instanceof(Uint8Array)).min(1) })

/** Messages of EVENTS and MAIL: what was waiting for one subject, each item encoded alone. */
export const encodeBatch = (items: readonly Uint8Array[]): Uint8Array =>
  encode({ v: 1, items }, bundleLimits)

export const decodeBatch = (bytes: Uint8Array): readonly Uint8Array[] =>
  batch.parse(decode(bytes, bundleLimits)).items
