import type { Entry, Hash } from '@waybill/core'
import {
  type BundleHeader,
  ChainBroken,
  decodeBundle,
  decodeEntry,
  type Stored,
} from '@waybill/log'
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

/**
 * Takes a journal message apart and checks that it follows `before`: same partition, next number,
 * and the hash of the bundle before it by name.
 *
 * @param truncated the beginning of journals is gone: without `before`, any number may be first
 * @throws ChainBroken
 */
export function acceptBundle(
  message: Stored,
  before: PartitionTable | undefined,
  { hash, truncated }: { readonly hash: Hash; readonly truncated: boolean },
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
    return { header, seq, at, hash: own, entries: entries.map(decodeEntry) }
  } catch (cause) {
    if (cause instanceof ChainBroken) throw cause
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
