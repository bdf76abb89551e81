import { encode, PermanentError, type Plain } from '@waybill/core'

/** The entry that records it may have 256 KiB, the event's head and the record included. */
const outputBytesMax = 128 * 1024

/**
 * A result that cannot be recorded is the handler's permanent error (rule 4.5). What would be found
 * out when the entry is encoded would be the partition's trouble instead.
 */
export function outputFault(output: Plain | undefined): PermanentError | undefined {
  if (output === undefined || typeof output === 'boolean' || output === null) return undefined
  try {
    encode(output, { bytesMax: outputBytesMax })
    return undefined
  } catch (cause) {
    return new PermanentError('the result cannot be recorded', { cause })
  }
}
