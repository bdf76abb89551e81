import { createHash } from 'node:crypto'
import type { Hash } from '../src/id.ts'

export const sha256: Hash = {
  text: (input) => createHash('sha256').update(input).digest('hex'),
  bytes: (input) => createHash('sha256').update(input).digest('hex'),
}
