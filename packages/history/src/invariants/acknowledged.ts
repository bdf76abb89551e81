import { decode, type Hash } from '@waybill/core'
import { decodeBatch, type Stored } from '@waybill/log'
import type { Acknowledged } from '../evidence.ts'
import type { Invariant } from '../invariant.ts'

export const acknowledged: Invariant = {
  name: 'acknowledged',
  law: 'I1',
  holds: 'what the log acknowledged is there, in the place that it named',
  of: 'history',
  watch({ log, evidence }) {
    if (!evidence.acknowledged) return undefined
    const gone = new Set(evidence.lost?.map(({ stream, seq }) => `${stream} ${seq}`))
    const said = evidence.acknowledged
    return {
      async end(complain) {
        for (const one of said) {
          const { stream, seq, index, id } = one
          if (gone.has(`${stream} ${seq}`)) continue
          const stored = await log.get(stream, seq)
          if (stored && holds(log.hash, stored, one)) continue
          complain('acknowledged', `${id} is not at ${stream} ${seq}/${index}`, { seq })
        }
      },
    }
  },
}

function holds(hash: Hash, { bytes }: Stored, { id, index }: Acknowledged): boolean {
  const item = decodeBatch(bytes)[index]
  if (!item) return false
  const found = decode(item)
  const hasId = typeof found === 'object' && found !== null && 'id' in found
  return (hasId ? found['id'] : hash.bytes(item)) === id
}
