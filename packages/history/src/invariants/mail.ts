import type { Entry } from '@waybill/core'
import type { Invariant } from '../invariant.ts'

export const mail: Invariant = {
  name: 'mail',
  law: 'I18',
  holds: 'of each sender and lane the letters 1, 2, 3 ... are taken, each once and in order',
  of: 'partition',
  watch({ fromStart }) {
    const last = new Map<string, number>()
    return {
      entry({ entry }, complain) {
        const read = readIn(entry)
        if (!read) return
        const { lane, number, isNew } = read
        // Of a journal whose beginning is gone nobody knows which came before.
        const before = last.get(lane) ?? (fromStart ? 0 : undefined)
        if (isNew) last.set(lane, number)
        if (before === undefined) return
        if (isNew && number !== before + 1) {
          complain('mail.order', `letter ${number} of ${lane} is taken after ${before}`)
        }
        if (!isNew && number > before) {
          complain('mail.order', `letter ${number} of ${lane} counts as known after ${before}`)
        }
      },
    }
  },
}

interface Read {
  readonly lane: string
  readonly number: number
  readonly isNew: boolean
}

function readIn({ input, facts }: Entry): Read | undefined {
  const skipped = facts.find((fact) => fact.kind === 'letter.skipped')
  if (skipped) {
    return { lane: `${skipped.from} ${skipped.stream}`, number: skipped.number, isNew: true }
  }
  if (input.kind !== 'letter' || input.letter.from.kind !== 'partition') return undefined
  const { id, number = 0 } = input.letter.from
  const isNew = facts.some(({ kind }) => kind === 'letter.taken')
  return { lane: `${id} ${input.ref.stream}`, number, isNew }
}
