import { randomUUID } from 'node:crypto'
import { refused } from '@waybill/api'
import { parseId, type LetterAnswer, type LetterBody } from '@waybill/core'
import { ask, type HandlerParts } from './parts.ts'

/** As many as fit one letter (`redrivesPerLetterMax` of core). */
const perLetter = 64
/** Letters under way at once. */
const lettersAtOnce = 8

export type Told = Extract<LetterAnswer, { kind: 'redriven' | 'discarded' }>

/** One letter for each partition that has some of them. */
export async function tell(
  parts: HandlerParts,
  ids: readonly string[],
  bodyFor: (ids: string[]) => LetterBody,
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
      const answer = await ask(parts, slot, { id: randomUUID(), body: bodyFor(some) })
      if (answer.kind === 'redriven' || answer.kind === 'discarded') return answer
      const why = answer.kind === 'refused' ? answer.reason : answer.kind
      throw refused(answer.kind === 'refused' ? answer.code : 'odd_answer', why)
    }),
  )
}

export interface Tally {
  readonly done: number
  readonly declined: number
}

/** Parts of a list, as large as the pace allows and letters can hold. */
export function parting(
  ids: readonly string[],
  ratePerSecond: number | undefined,
  carryOut: (ids: readonly string[]) => Promise<Tally>,
): () => Promise<Tally | undefined> {
  const most = perLetter * lettersAtOnce
  // Ten parts a second at most, so that a pace is one and not a row of bursts.
  const size =
    ratePerSecond === undefined ? most : Math.min(most, Math.max(1, Math.floor(ratePerSecond / 10)))
  let at = 0
  return async () => {
    const some = ids.slice(at, at + size)
    at += some.length
    if (some.length === 0) return undefined
    const parts: (readonly string[])[] = []
    for (let from = 0; from < some.length; from += perLetter) {
      parts.push(some.slice(from, from + perLetter))
    }
    const told = await Promise.all(parts.map(carryOut))
    return {
      done: told.reduce((sum, one) => sum + one.done, 0),
      declined: told.reduce((sum, one) => sum + one.declined, 0),
    }
  }
}
