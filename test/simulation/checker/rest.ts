import type { Invariant } from '@waybill/history'
import type { History } from './check.ts'

/** What is left when everything came to its end: nothing that somebody could wait for. */
export const rest = ({ settled, lost }: Pick<History, 'settled' | 'lost'>): Invariant => ({
  name: 'rest',
  law: 'I15',
  holds: 'when all has ended nobody holds or waits for anything, and no letter lies unsent',
  of: 'partition',
  watch({ books }) {
    if (!settled || lost.length > 0) return {}
    const unsent = new Map<string, number>()
    const backlog = new Set<string>()
    const owed = new Set<string>()
    return {
      entry({ entry: { input, facts } }) {
        if (input.kind === 'event' && facts.some(({ kind }) => kind === 'event.seen')) {
          for (const { binding, result } of input.verdicts) {
            if (result === 'paused')
              owed.add(`${idOf(binding)} ${input.ref.seq}/${input.ref.index}`)
          }
        }
        for (const fact of facts) {
          if (fact.kind !== 'event.released') continue
          for (const id of fact.bindings) owed.delete(`${id} ${fact.seq}/${fact.index}`)
        }
      },
      fact(fact) {
        if (fact.kind === 'ledger.backlog') backlog.add(fact.ledger)
        if (fact.kind === 'ledger.settled') backlog.delete(fact.ledger)
        if (fact.kind !== 'letter.queued' && fact.kind !== 'letter.sent') return
        const { app, slot, lane } = fact.to
        const box = `${app}/${slot} ${lane}`
        if (fact.kind === 'letter.queued') unsent.set(box, fact.number)
        else if (unsent.get(box) === fact.number) unsent.delete(box)
      },
      end(complain) {
        for (const { id, holders, waiting, merging } of books.ledgers.values()) {
          const left = [...holders.keys(), ...waiting.keys(), ...merging.keys()]
          if (left.length > 0) complain('rest.ledger', `${id}: ${left.join()} in the end`)
        }
        for (const ticket of books.voided) complain('rest.void', `${ticket} is void in the end`)
        for (const [box, number] of unsent) complain('rest.letters', `${number} to ${box} unsent`)
        for (const name of owed) complain('rest.held', `${name} was never given`)
        for (const name of backlog) complain('rest.backlog', `${name} is not settled`)
      },
    }
  },
})

const idOf = (binding: string): string => binding.slice(0, binding.lastIndexOf('@'))
