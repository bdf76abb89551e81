import { CodecError, decode, type Entry, type Hash, RULES } from '@waybill/core'
import {
  type BundleHeader,
  ChainBroken,
  decodeBundle,
  decodeEntry,
  type Stored,
} from '@waybill/log'
import { ZodError } from 'zod'
import type { PartitionTable } from './tables.ts'

export interface PartitionRef {
  readonly app: string
  readonly generation: number
  readonly slot: number
}

/** A bundle that follows what was folded before it. */
export interface Accepted {
  readonly header: BundleHeader
  readonly seq: number
  readonly at: number
  readonly hash: string
  readonly entries: readonly Entry[]
}

export const partitionKey = ({ app, generation, slot }: PartitionRef): string =>
  `${app}/${generation}/${slot}`

/** `<prefix>.journal.<generation>.<app>.<slot>` */
export function partitionOfSubject(subject: string): PartitionRef {
  const [generation = '', app = '', slot = ''] = subject.split('.').slice(-3)
  return { app, generation: Number(generation), slot: Number(slot) }
}

export interface Acceptance {
  readonly hash: Hash
  /** The beginning of journals is gone: without `before`, any number may be first. */
  readonly truncated: boolean
  /** Every entry by its schema, whoever wrote it. */
  readonly checked: boolean
}

/**
 * Takes a journal message apart and checks that it follows `before`: same partition, next number,
 * and the hash of the bundle before it by name.
 *
 * @throws ChainBroken
 */
export function acceptBundle(
  message: Stored,
  before: PartitionTable | undefined,
  { hash, truncated, checked }: Acceptance,
): Accepted {
  const { subject, seq, at } = message
  const broken = (why: string, number?: number, options?: ErrorOptions): ChainBroken =>
    new ChainBroken({ subject, seq, number, why }, options)
  try {
    const { header, hash: own, entries } = decodeBundle(hash, message.bytes)
    const ref = partitionOfSubject(subject)
    const why =
      foreign(header, ref) ??
      (before ? breakAfter(before, header) : breakAtStart(header, truncated))
    if (why !== undefined) throw broken(why, header.number)
    const read = checked || header.rules !== RULES ? decodeEntry : trustedEntry
    return { header, seq, at, hash: own, entries: entries.map(read) }
  } catch (cause) {
    if (!(cause instanceof CodecError || cause instanceof ZodError)) throw cause
    throw broken('its bytes cannot be decoded', undefined, { cause })
  }
}

function foreign(header: BundleHeader, ref: PartitionRef): string | undefined {
  return partitionKey(header) === partitionKey(ref)
    ? undefined
    : `it says that it is of ${partitionKey(header)}`
}

function breakAfter({ bundle, hash }: PartitionTable, header: BundleHeader): string | undefined {
  if (header.number !== bundle + 1) return `bundle ${bundle + 1} was to come`
  return header.prev === hash ? undefined : `it does not name the hash of bundle ${bundle}`
}

function breakAtStart({ number, prev }: BundleHeader, truncated: boolean): string | undefined {
  if (number === 1) return prev === undefined ? undefined : 'the first bundle names one before it'
  return truncated ? undefined : 'bundle 1 was to come'
}

/**
 * What today's rules wrote and the chain holds in place is as it was when it was encoded: checking
 * it by its schema once more was a third of all the work (54 us a dispatch, 38 without). Whoever
 * folds must be ready for it to throw, and then fold what is checked.
 */
const trustedEntry = (bytes: Uint8Array): Entry => decode(bytes) as unknown as Entry
