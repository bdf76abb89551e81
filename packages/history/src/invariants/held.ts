import type { Entry, InputOf, InputRef, Verdict } from '@waybill/core'
import type { Invariant } from '../invariant.ts'

export const held: Invariant = {
  name: 'held',
  law: 'I1',
  holds: 'what a pause held back is given once, as the event that it was',
  of: 'partition',
  watch({ fromStart }) {
    /** Binding and place -> hash of the message: what nobody was given yet. */
    const owed = new Map<string, string>()
    return {
      entry({ entry: { input, facts } }, complain) {
        if (input.kind === 'event' && facts.some(({ kind }) => kind === 'event.seen')) {
          hold(owed, input)
        }
        const given = givenIn(input)
        if (!given) return
        const { place, bindings } = given
        for (const id of bindings) {
          const key = keyOf(id, place)
          const hash = owed.get(key)
          owed.delete(key)
          if (hash === place.hash || (hash === undefined && !fromStart)) continue
          const at = `${place.stream} ${place.seq}/${place.index}`
          const why = hash === undefined ? 'was not held back from it' : 'is not what it was'
          complain('event.held', `${id} is given ${at}, which ${why}`)
        }
      },
    }
  },
}

function hold(owed: Map<string, string>, { ref, verdicts }: InputOf<'event'>): void {
  for (const { binding, result } of verdicts) {
    if (result === 'paused') owed.set(keyOf(idOf({ binding }), ref), ref.hash)
  }
}

function givenIn(
  input: Entry['input'],
): { place: InputRef; bindings: readonly string[] } | undefined {
  if (input.kind === 'quarantined') return input.held
  if (input.kind !== 'held') return undefined
  return { place: input.place, bindings: input.verdicts.map(idOf) }
}

const idOf = ({ binding }: Pick<Verdict, 'binding'>): string =>
  binding.slice(0, binding.lastIndexOf('@'))

const keyOf = (binding: string, { seq, index }: InputRef): string => `${binding} ${seq}/${index}`
