import { CodecError, encode, PermanentError, type Plain } from '@waybill/core'

/** A handler's result is recorded in one entry with what surrounds it. */
const resultBytesMax = 128 * 1024

/**
 * What a handler returned, if the log can hold it. What it can't hold it can't hold next time
 * either, so it is a permanent error that names the place (rule 4.5).
 */
export function checkResult(result: unknown): Plain | undefined {
  if (result === undefined) return undefined
  try {
    encode(result, { bytesMax: resultBytesMax })
    return result as Plain // it was just encoded, so it is
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause
    const path = `result.${cause.path}`.replace(/\.(?=\[|$)/, '')
    const error = new PermanentError(`the handler's ${path} cannot be stored: ${cause.why}`, {
      cause,
    })
    throw Object.assign(error, { path })
  }
}
