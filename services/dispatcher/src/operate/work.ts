import {
  codecLimits,
  decode,
  dispatchId,
  encode,
  type Letter,
  type LetterBody,
  waybillEvent,
} from '@waybill/core'
import { z } from 'zod'

/*
 * What is done in bulk to dispatches, whole: exactly those that its operator was shown. It is
 * stored before the first of them is touched, so whoever goes on with it has the same list.
 */

const workHead = {
  id: z.string(),
  kind: z.enum(['redrive', 'discard', 'cancel']),
  app: z.string(),
  by: z.string(),
  reason: z.string(),
  at: z.int(),
  /** As it was asked for: for whoever looks. */
  filter: z.record(z.string(), z.unknown()),
  ratePerSecond: z.number().positive().optional(),
  /** Of a redrive. */
  version: z.enum(['active', 'same']).optional(),
  /** Instead of the event that the only one of them died of. */
  event: waybillEvent.optional(),
}

const work = z.strictObject({ ...workHead, ids: z.array(dispatchId) })
export type Work = z.infer<typeof work>

/** Ids as one text: as a list of so many values they would be refused. */
const stored = z.strictObject({ v: z.literal(1), ...workHead, ids: z.string() })
const largest = { ...codecLimits, bytesMax: 256 * 1024 * 1024 }

export const encodeWork = ({ ids, ...head }: Work): Uint8Array =>
  encode({ v: 1, ...head, ids: ids.join('\n') }, largest)

export function decodeWork(bytes: Uint8Array): Work {
  const { v: _, ids, ...head } = stored.parse(decode(bytes, largest))
  return work.parse({ ...head, ids: ids.split('\n') })
}

/** How far it has come. */
export const progress = z.strictObject({
  /** Those before it have been dealt with. */
  next: z.int().nonnegative(),
  done: z.int().nonnegative(),
  declined: z.int().nonnegative(),
})
export type Progress = z.infer<typeof progress>

function bodyFor(work: Work, dispatches: readonly [string, ...string[]]): LetterBody {
  const { kind, by, reason, version = 'active', event } = work
  const [dispatch] = dispatches
  if (kind === 'cancel') return { kind, target: { kind: 'dispatch', dispatch }, by, reason }
  if (kind === 'discard') return { kind, dispatches: [...dispatches], by, reason }
  return { kind, dispatches: [...dispatches], version, by, reason, ...(event && { event }) }
}

/** One letter, and the partition that it goes to. */
export interface Errand extends Pick<Letter, 'id' | 'body'> {
  readonly slot: number
  readonly dispatches: readonly string[]
}

/**
 * One letter for each partition that has some of them; one for each dispatch that is cancelled. Its
 * id is made of the work and the place in it: sent again by whoever goes on it is the same letter.
 *
 * @param slotFor throws where a dispatch belongs to none
 */
export function errandsOf(
  work: Work,
  { from, ids }: Part,
  slotFor: (dispatch: string) => number,
): readonly Errand[] {
  if (work.kind === 'cancel') {
    return ids.map((id, at) => {
      const slot = slotFor(id)
      return { id: `${work.id}-${from + at}`, slot, dispatches: [id], body: bodyFor(work, [id]) }
    })
  }
  const bySlot = new Map<number, [string, ...string[]]>()
  for (const id of ids) {
    const some = bySlot.get(slotFor(id))
    if (some) some.push(id)
    else bySlot.set(slotFor(id), [id])
  }
  return [...bySlot].map(([slot, dispatches]) => {
    return { id: `${work.id}-${from}-${slot}`, slot, dispatches, body: bodyFor(work, dispatches) }
  })
}

/** As many as fit one letter (`redrivesPerLetterMax` of core). */
const perLetter = 64
/** Letters under way at once. */
const lettersAtOnce = 8

/** Those of one letter to each partition that has some of them. */
export interface Part {
  /** Place of the first of them in the list. */
  readonly from: number
  readonly ids: readonly string[]
}

/**
 * The next ones, as many as the pace allows and letters can hold. It depends on nothing but the
 * list and the place in it, so whoever goes on with it sends the same letters.
 */
export function partsAt({ ids, ratePerSecond }: Work, next: number): readonly Part[] {
  const most = perLetter * lettersAtOnce
  // Ten times a second at most, so that a pace is one and not a row of bursts.
  const size =
    ratePerSecond === undefined ? most : Math.min(most, Math.max(1, Math.floor(ratePerSecond / 10)))
  const end = Math.min(ids.length, next + size)
  const parts: Part[] = []
  for (let from = next; from < end; from += perLetter) {
    parts.push({ from, ids: ids.slice(from, Math.min(end, from + perLetter)) })
  }
  return parts
}
