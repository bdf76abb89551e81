import { randomUUID } from 'node:crypto'
import { refused } from '@waybill/api'
import { parseId, type LetterAnswer } from '@waybill/core'
import { ask, type HandlerParts } from './parts.ts'
import { letterFor, type Part, type Work } from './work.ts'

/** What became of some of them. */
export interface Told {
  readonly started: readonly { readonly of: string; readonly dispatch: string }[]
  readonly done: number
  readonly declined: readonly Declined[]
}
type Declined = { readonly dispatch: string; readonly code: string; readonly reason: string }

/**
 * One letter for each partition that has some of them. Its id is made of the work and the place in
 * it: sent again by whoever goes on with the work it is the same letter, and is taken once.
 */
export async function tell(
  parts: HandlerParts,
  work: Work,
  { from, ids }: Part,
): Promise<readonly Told[]> {
  const bySlot = new Map<number, string[]>()
  for (const id of ids) {
    const slot = parseId(id)?.slot
    if (slot === undefined || slot >= parts.topology.slots) {
      throw refused('not_found', `${id} belongs to no slot of this topology`)
    }
    bySlot.set(slot, [...(bySlot.get(slot) ?? []), id])
  }
  return Promise.all(
    [...bySlot].map(async ([slot, some]) => {
      const body = letterFor(work, some)
      const id = `${work.id}-${from}-${slot}`
      const answer = await ask(parts, slot, { id, body })
      if (answer.kind !== 'refused' || answer.code !== 'letter_duplicate') return toldOf(answer)
      // Whoever had the work before sent it. Asked again, each says that it is done.
      const again = toldOf(await ask(parts, slot, { id: randomUUID(), body }))
      const before = again.declined.filter(({ code }) => code === doneBefore[work.kind])
      const declined = again.declined.filter((one) => !before.includes(one))
      return { ...again, done: again.done + before.length, declined }
    }),
  )
}

const doneBefore = { redrive: 'already_redriven', discard: 'discarded' } as const

function toldOf(answer: LetterAnswer): Told {
  if (answer.kind === 'redriven') return { ...answer, done: answer.started.length }
  if (answer.kind === 'discarded') {
    return { started: [], done: answer.dispatches.length, declined: answer.declined }
  }
  const isRefused = answer.kind === 'refused'
  throw refused(isRefused ? answer.code : 'odd_answer', isRefused ? answer.reason : answer.kind)
}
