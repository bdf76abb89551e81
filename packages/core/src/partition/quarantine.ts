import { encode } from '../codec.ts'
import type { InputRef } from '../dispatch/record.ts'
import type { Hash } from '../id.ts'
import { limits, type Input, type InputOf } from './entry.ts'

/**
 * The input that stands for one that could not be taken: its bytes (the first 64 KiB), its hash, the
 * reason. Nothing is skipped in silence.
 */
export function quarantineBytes(
  hash: Hash,
  reason: string,
  bytes: Uint8Array,
  ref?: InputRef,
): InputOf<'quarantined'> {
  return {
    kind: 'quarantined',
    ref,
    reason: reason.slice(0, 512),
    hash: hash.bytes(bytes),
    bytes: bytes.slice(0, limits.quarantineBytesMax),
  }
}

/** The same for an input that could be decoded, but not stepped. */
export function quarantineOf(hash: Hash, reason: string, input: Input): InputOf<'quarantined'> {
  const ref = 'ref' in input ? input.ref : undefined
  const quarantined = quarantineBytes(hash, reason, bytesOf(input), ref)
  if (input.kind === 'held') return { ...quarantined, held: heldOf(input) }
  if (input.kind === 'letter' && input.letter.from.kind === 'partition') {
    return { ...quarantined, letter: input.letter }
  }
  if (input.kind !== 'result' || input.result.status !== 'posted') return quarantined
  const { to, upTo } = input.result
  return { ...quarantined, posted: { to, upTo } }
}

function heldOf({ place, verdicts, bytes }: InputOf<'held'>): InputOf<'quarantined'>['held'] {
  const bindings = verdicts.map(({ binding }) => binding.slice(0, binding.lastIndexOf('@')))
  return { place, bindings, bytes }
}

function bytesOf(input: Input): Uint8Array {
  try {
    return encode(input)
  } catch {
    // What cannot be encoded has no bytes; its kind and place are in the entry all the same.
    return encode({ kind: input.kind })
  }
}
