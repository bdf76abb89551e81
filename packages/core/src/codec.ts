/**
 * The wire and log form of all data: canonical MessagePack. Equal values have equal bytes, and
 * equal bytes were one value: keys sorted by UTF-16 code units and unique, every header and
 * integer in its shortest form, floats only for what is no integer (-0 is 0), text well-formed.
 * Fields that are `undefined` are left out, as TypeScript writes an absent field; anything else
 * that is not plain data is refused with its place. Own symbol keys are not data and not seen.
 *
 * Written by hand because the strictness is the point and this is the hottest code there is:
 * bench/codec.bench.ts compares it with @msgpack/msgpack, which the tests hold as the reference.
 */
export { decode } from './codec/decode.ts'
export { encode } from './codec/encode.ts'
export {
  CodecError,
  type CodecErrorCode,
  type CodecLimits,
  codecLimits,
  type Plain,
  type PlainMap,
} from './codec/limits.ts'

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
