import type { Entry, InputOf, LetterAnswer } from '@waybill/core'
import type { Journal } from './journal.ts'
import type { Violate } from './violation.ts'

/** A client's letter is taken once, and does what its answer says. */
export function checkLetters({ entries }: Journal, violate: Violate): void {
  const taken = new Set<string>()
  const open = new Set<string>()
  for (const { entry, seq } of entries) {
    const say = (what: string): void => violate('I13', `at ${seq}: ${what}`)
    if (entry.input.kind === 'letter') checkLetter(entry, entry.input, { taken, open }, say)
    for (const fact of entry.facts) {
      if (fact.kind !== 'transition') continue
      if (fact.record.outcome) open.delete(fact.dispatch)
      else open.add(fact.dispatch)
    }
  }
}

interface Seen {
  readonly taken: Set<string>
  readonly open: ReadonlySet<string>
}

function checkLetter(
  entry: Entry,
  { letter }: InputOf<'letter'>,
  { taken, open }: Seen,
  say: (what: string) => void,
): void {
  const isNew = entry.facts.some(({ kind }) => kind === 'letter.taken')
  if (isNew === taken.has(letter.id)) say(`${letter.id} counts as ${isNew ? 'new' : 'known'}`)
  taken.add(letter.id)
  const { body } = letter
  if (body.kind !== 'cancel') return
  const { target } = body
  const reply = entry.effects.find(({ kind }) => kind === 'reply')
  if (!isNew || target.kind !== 'dispatch' || reply?.kind !== 'reply') return
  const ended = entry.facts.some(
    (fact) =>
      fact.kind === 'transition' && fact.dispatch === target.dispatch && fact.to === 'cancelled',
  )
  // The schema of an effect leaves its body open; what partitions answer is this.
  const said = (reply.body as LetterAnswer).kind === 'cancelled'
  if (ended !== open.has(target.dispatch)) say(`${target.dispatch} was open and is not cancelled`)
  if (said !== ended) say(`${letter.id} is answered otherwise than it was done`)
}
