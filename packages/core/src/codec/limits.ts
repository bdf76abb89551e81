/** What the wire form can say. Everything else is refused on both sides, with the place. */
export type Plain = null | boolean | number | string | Uint8Array | Plain[] | PlainMap
export interface PlainMap {
  [key: string]: Plain
}

export interface CodecLimits {
  /** Length of the encoded form. */
  readonly bytesMax: number
  /** Lists and maps inside each other; a scalar alone has depth 0. */
  readonly depthMax: number
  /** Values of any kind, containers included. */
  readonly nodesMax: number
  /** Map keys in the whole value. */
  readonly keysMax: number
}

export const codecLimits: CodecLimits = {
  bytesMax: 1024 * 1024,
  depthMax: 64,
  nodesMax: 100_000,
  keysMax: 100_000,
}

export type CodecErrorCode =
  | 'codec.size' // longer than bytesMax
  | 'codec.depth' // deeper than depthMax, or a cycle
  | 'codec.count' // more than nodesMax values or keysMax keys
  | 'codec.type' // not plain data
  | 'codec.key' // forbidden, repeated or out of order
  | 'codec.number' // not finite, or an integer beyond 2^53 - 1
  | 'codec.text' // lone surrogate, invalid UTF-8
  | 'codec.form' // longer than the shortest form, so not canonical
  | 'codec.end' // truncated, or bytes left over

/** `path` is `data.items[3].price` on encode and `byte 17` on decode. */
export class CodecError extends Error {
  override readonly name = 'CodecError'
  readonly code: CodecErrorCode
  readonly path: string
  readonly why: string

  constructor(code: CodecErrorCode, path: string, why: string, options?: ErrorOptions) {
    super(path === '' ? `${code}: ${why}` : `${code} at ${path}: ${why}`, options)
    this.code = code
    this.path = path
    this.why = why
  }
}

/** Harmless in the log, dangerous in whatever merges it later; so they never get in. */
export function isForbiddenKey(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype'
}
