import { encode, type Plain } from '@waybill/core'
import type { Invariant } from '../invariant.ts'

export const replies: Invariant = {
  name: 'replies',
  law: 'I13',
  holds: 'a letter is answered only after the log has what it did, with those words',
  of: 'history',
  watch({ evidence: { replies: heard, lost = [] } }) {
    if (!heard || lost.length > 0) return undefined
    // Asked again it is answered again, with the same words: the first entry allows them all.
    const stored = new Map<string, number>()
    return {
      entry({ entry, bundle: { at = 0 } }) {
        for (const effect of entry.effects) {
          if (effect.kind === 'reply' && !stored.has(answer(effect))) {
            stored.set(answer(effect), at)
          }
        }
      },
      end(complain) {
        for (const { letter, body, at = Infinity } of heard) {
          const since = stored.get(answer({ letter, body }))
          if (since === undefined) {
            complain('reply.recorded', `${letter} was answered, and no entry says so`)
          } else if (at < since) {
            complain('reply.early', `${letter} was answered before the log had it`)
          }
        }
      },
    }
  },
}

/** Canonical: what was decoded has its keys in another order. */
const answer = ({ letter, body }: { letter: string; body?: unknown }): string =>
  `${letter}:${Buffer.from(encode(body as Plain)).toString('hex')}`
