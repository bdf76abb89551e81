import { randomUUID } from 'node:crypto'
import { type ApiError, refused } from '@waybill/api'
import { parseId, type LetterAnswer } from '@waybill/core'
import { ask, type HandlerParts } from './parts.ts'
import { type Errand, errandsOf, type Part, type Work } from './work.ts'

/** What became of some of them. */
export interface Told {
  readonly started: readonly { readonly of: string; readonly dispatch: string }[]
  readonly done: number
  readonly declined: readonly Declined[]
}
type Declined = { readonly dispatch: string; readonly code: string; readonly reason: string }

/** Sends the letters of a part of the work. One that was sent before is taken once. */
export async function tell(parts: HandlerParts, work: Work, part: Part): Promise<readonly Told[]> {
  const slotFor = (id: string): number => {
    const slot = parseId(id)?.slot
    if (slot !== undefined && slot < parts.topology.slots) return slot
    throw refused('not_found', `${id} belongs to no slot of this topology`)
  }
  return Promise.all(
    errandsOf(work, part, slotFor).map(async (errand) => {
      const answer = await ask(parts, errand.slot, errand)
      if (answer.kind !== 'refused' || answer.code !== 'letter_duplicate') {
        return toldOf(answer, errand)
      }
      // Whoever had the work before sent it. Asked again, each says that it is done.
      const again = toldOf(await ask(parts, errand.slot, { ...errand, id: randomUUID() }), errand)
      const before = again.declined.filter(({ code }) => code === doneBefore[work.kind])
      const declined = again.declined.filter((one) => !before.includes(one))
      return { ...again, done: again.done + before.length, declined }
    }),
  )
}

const doneBefore = {
  redrive: 'already_redriven',
  discard: 'discarded',
  // By that letter, or just before it: nobody can tell any more.
  cancel: 'ended',
} as const

function toldOf(answer: LetterAnswer, { body, dispatches }: Errand): Told {
  if (body.kind === 'cancel') return cancelled(answer, dispatches)
  if (answer.kind === 'redriven') return { ...answer, done: answer.started.length }
  if (answer.kind === 'discarded') {
    return { started: [], done: answer.dispatches.length, declined: answer.declined }
  }
  throw odd(answer)
}

/** Of one dispatch: one that had ended is declined, whoever says so. */
function cancelled(answer: LetterAnswer, dispatches: readonly string[]): Told {
  if (answer.kind === 'cancelled' && answer.dispatches > 0) {
    return { started: [], done: answer.dispatches, declined: [] }
  }
  if (answer.kind !== 'cancelled' && answer.kind !== 'refused') throw odd(answer)
  const why = answer.kind === 'refused' ? answer : { code: 'ended', reason: 'it is not open' }
  const { code, reason } = why
  return {
    started: [],
    done: 0,
    declined: dispatches.map((dispatch) => ({ dispatch, code, reason })),
  }
}

const odd = (answer: LetterAnswer): ApiError =>
  answer.kind === 'refused'
    ? refused(answer.code, answer.reason)
    : refused('odd_answer', answer.kind)
