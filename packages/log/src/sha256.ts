import { hash as digest } from 'node:crypto'
import type { Hash } from '@waybill/core'

/** The platform's sha-256, for everything that takes a `Hash`. */
export const sha256: Hash = {
  text: (input) => digest('sha256', input, 'hex'),
  bytes: (input) => digest('sha256', input, 'hex'),
}
