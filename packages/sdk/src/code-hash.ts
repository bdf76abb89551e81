import { sha256 } from '@waybill/log'

/**
 * Which code a function is: 128 bits over its text. What it imports or closes over is not in it, so
 * a change there makes no new version.
 */
export function codeHash(code: object): string {
  return sha256.text(Function.prototype.toString.call(code)).slice(0, 32)
}
