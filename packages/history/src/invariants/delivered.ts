import { encode, type InputRef, type Letter, type Plain } from '@waybill/core'
import type { Invariant } from '../invariant.ts'

interface Queued {
  readonly bytes: string
  /** When the log had it. */
  readonly at: number
}

interface Taken {
  readonly name: string
  readonly bytes: string
  readonly ref: InputRef
}

export const delivered: Invariant = {
  name: 'delivered',
  law: 'I18',
  holds: 'a letter that is taken is one that its sender queued, and left after the log had it',
  of: 'history',
  watch({ log, evidence: { lost = [] } }) {
    // What a power cut takes away may have been sent.
    if (lost.length > 0) return undefined
    const queued = new Map<string, Queued>()
    const taken: Taken[] = []
    const senders = new Set<string>()
    return {
      bundle({ header: { app, slot, number } }) {
        if (number === 1) senders.add(`${app}/${slot}`)
      },
      entry({ id: { app, slot }, entry: { input, facts } }) {
        if (input.kind !== 'letter' || input.letter.from.kind !== 'partition') return
        if (!facts.some(({ kind }) => kind === 'letter.taken')) return
        const { letter, ref } = input
        const lane = ref.stream.slice(ref.stream.lastIndexOf('.') + 1)
        const { id, number } = letter.from
        const name = `${id} ${app}/${slot}/${lane} ${number}`
        taken.push({ name, bytes: bytesOf(letter), ref })
      },
      fact(fact, { id: { app, slot }, bundle: { at = 0 } }) {
        if (fact.kind !== 'letter.queued') return
        const { to, number, letter } = fact
        const name = `${app}/${slot} ${to.app}/${to.slot}/${to.lane} ${number}`
        queued.set(name, { bytes: bytesOf(letter), at })
      },
      async end(complain) {
        for (const { name, bytes, ref } of taken) {
          const known = queued.get(name)
          if (!known) {
            // Of a journal whose beginning is not kept nobody knows what it queued.
            if (senders.has(name.split(' ')[0] ?? '')) {
              complain('mail.queued', `${name} is taken, and nobody queued it`)
            }
            continue
          }
          if (known.bytes !== bytes) complain('mail.same', `${name} is not what was queued`)
          const stream = ref.stream.slice(0, ref.stream.lastIndexOf('.'))
          const stored = await log.get(stream, ref.seq)
          if (stored && stored.at < known.at) {
            complain('mail.early', `${name} left before the log had its entry`)
          }
        }
      },
    }
  },
}

/** Canonical, and short: what was decoded has its keys in another order. */
const bytesOf = (letter: Letter): string =>
  Buffer.from(encode(letter as unknown as Plain)).toString('base64')
