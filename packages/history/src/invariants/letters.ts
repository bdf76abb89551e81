import { limits, type Entry, type InputOf, type LetterAnswer } from '@waybill/core'
import type { Complain } from '../finding.ts'
import type { Invariant, PartitionScope } from '../invariant.ts'
import { forget } from './once.ts'

export const letters: Invariant = {
  name: 'letters',
  law: 'I13',
  holds: 'a client’s letter is taken once, and does what its answer says',
  of: 'partition',
  watch(scope) {
    const taken = new Map<string, number>()
    return {
      entry({ entry }, complain) {
        if (entry.input.kind !== 'letter' || entry.input.letter.from.kind !== 'client') return
        const isNew = entry.facts.some(({ kind }) => kind === 'letter.taken')
        checkOnce(scope, taken, { entry, id: entry.input.letter.id, isNew }, complain)
        if (isNew) checkAnswer(scope, entry, entry.input, complain)
      },
    }
  },
}

function checkOnce(
  { fromStart }: PartitionScope,
  taken: Map<string, number>,
  { entry: { at }, id, isNew }: { entry: Entry; id: string; isNew: boolean },
  complain: Complain,
): void {
  const before = taken.get(id)
  if (isNew && before !== undefined && at - before < limits.lettersRememberedMs) {
    complain('letter.once', `${id} counts as new a second time`)
  }
  if (!isNew && before === undefined && fromStart) {
    complain('letter.once', `${id} counts as known, and never came`)
  }
  if (!isNew) return
  taken.delete(id)
  taken.set(id, at)
  forget(taken, at - 2 * limits.lettersRememberedMs)
}

function checkAnswer(
  { dispatches, fromStart }: PartitionScope,
  { facts, effects }: Entry,
  { letter: { id, body } }: InputOf<'letter'>,
  complain: Complain,
): void {
  if (body.kind !== 'cancel') return
  const { target } = body
  if (target.kind !== 'dispatch') return
  const { dispatch } = target
  const ended = facts.some(
    (fact) => fact.kind === 'transition' && fact.dispatch === dispatch && fact.to === 'cancelled',
  )
  if (ended !== dispatches.open.has(dispatch) && fromStart) {
    const why = ended ? 'it was not open and is cancelled' : 'it was open and is not cancelled'
    complain('letter.done', why, { dispatch })
  }
  const reply = effects.find(({ kind }) => kind === 'reply')
  if (reply?.kind !== 'reply') return
  // The schema of an effect leaves its body open; what partitions answer is this.
  const said = (reply.body as LetterAnswer).kind === 'cancelled'
  if (said !== ended) complain('letter.answer', `${id} is answered otherwise than it was done`)
}
