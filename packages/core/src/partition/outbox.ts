import { effectId } from '../id.ts'
import type { Draft } from './draft.ts'
import { LETTER_VERSION, type Letter, type LetterBody, type Receiver } from './letter.ts'
import type { Partition } from './state.ts'

/*
 * Letters between partitions. They stand in the sender's journal before they are sent, numbered
 * without gaps per receiver and lane; the next message leaves when the one before is stored, and
 * takes along all that gathered meanwhile. Who takes over sends again what is not known to be
 * stored; receivers take n + 1 only.
 */

export const outboxKey = ({ app, slot, lane }: Receiver): string => `${app}/${slot}/${lane}`

function receiverOf(key: string): Receiver {
  const [app = '', slot, lane] = key.split('/')
  return { app, slot: Number(slot), lane: lane === 'ask' ? 'ask' : 'answer' }
}

/** Puts a letter into the outbox. Returns its number. */
export function post(draft: Draft, to: Receiver, body: LetterBody): number {
  const { partition, posted, facts } = draft
  const key = outboxKey(to)
  const number = (posted.get(key) ?? partition.outbox.get(key)?.last ?? 0) + 1
  posted.set(key, number)
  const letter: Letter = {
    v: LETTER_VERSION,
    id: `${to.slot}-${to.lane}-${number}`,
    from: { kind: 'partition', id: `${partition.app}/${partition.slot}`, number },
    body,
  }
  facts.push({ kind: 'letter.queued', to, number, letter })
  draft.weight += letterBytes
  return number
}

/** Measured 300 to 450; members of a batch weigh more, and are counted by whoever names them. */
const letterBytes = 600

/** What was queued in this step sets out at once, unless something is under way already. */
export function sendPosted(draft: Draft): void {
  for (const [key, upTo] of draft.posted) {
    const waiting = draft.partition.outbox.get(key)?.queued.length ?? 0
    if (waiting === 0) send(draft, key, upTo)
  }
}

/** All that is not known to be stored: after a takeover nobody knows what was under way. */
export function sendAll(draft: Draft): void {
  const { outbox } = draft.partition
  // A snapshot does not tell in which order they came to be.
  for (const key of [...outbox.keys()].sort()) {
    const { last, queued } = outbox.get(key) ?? nothing
    if (queued.length > 0) send(draft, key, last)
  }
}

const nothing = { last: 0, queued: [] } as const

/** The letters up to this one are stored; those that gathered meanwhile set out. */
export function noteSent(draft: Draft, to: Receiver, upTo: number): void {
  draft.facts.push({ kind: 'letter.sent', to, number: upTo })
  const key = outboxKey(to)
  const { last, queued } = draft.partition.outbox.get(key) ?? nothing
  if (queued.some(({ number }) => number > upTo)) send(draft, key, last)
}

function send(draft: Draft, key: string, upTo: number): void {
  const { partition, effects } = draft
  const id = effectId(key, upTo, partition.epoch.number)
  effects.push({ kind: 'sendLetters', id, to: receiverOf(key), upTo })
}

/** Sender and lane: letters of the two lanes are read at different paces. */
export const inboxKey = (from: string, stream: string): string => `${from} ${stream}`

/** Was the ask letter of this number, from this sender, taken? */
export function hasAsked(
  partition: Partition,
  from: string,
  stream: string,
  number: number,
): boolean {
  const ask = stream.replace(/\.answer$/, '.ask')
  return (partition.inbox.get(inboxKey(from, ask)) ?? 0) >= number
}
