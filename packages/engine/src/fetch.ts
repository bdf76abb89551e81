import { decode, letter, waybillEvent, type Plain, type WaybillEvent } from '@waybill/core'
import { decodeBatch, type EventLog, type Stored } from '@waybill/log'
import { streamOf } from './lanes.ts'

/** Where an event lies; its message's hash where it is known. */
export interface EventPlace {
  readonly stream: string
  readonly seq: number
  readonly index: number
  readonly hash?: string
}

/** Reads an event from the log again. Undefined: it is not there any more, or not the same. */
export type FetchEvent = (place: EventPlace) => Promise<WaybillEvent | undefined>

interface Message {
  readonly hash: string
  readonly items: readonly Uint8Array[]
}

/**
 * Dispatches that waited together were read from the same messages, which hold up to a thousand
 * events each: the last few are kept open.
 */
const messagesKept = 8

export function createFetch(log: EventLog): FetchEvent {
  const kept = new Map<string, Promise<Message | undefined>>()

  async function open(stream: string, seq: number): Promise<Message | undefined> {
    const stored = (await log.get(stream, seq)) ?? (await readAgain(log, stream, seq))
    if (!stored) return undefined
    return { hash: log.hash.bytes(stored.bytes), items: decodeBatch(stored.bytes) }
  }

  function message(stream: string, seq: number): Promise<Message | undefined> {
    const name = `${stream} ${seq}`
    const known = kept.get(name)
    if (known) return known
    const opening = open(stream, seq)
    kept.set(name, opening)
    opening.catch(() => kept.delete(name))
    for (const [oldest] of kept) {
      if (kept.size <= messagesKept) break
      kept.delete(oldest)
    }
    return opening
  }

  return async ({ stream, seq, index, hash }) => {
    const found = await message(streamOf(stream), seq)
    if (!found || (hash !== undefined && found.hash !== hash)) return undefined
    const item = found.items[index]
    return item && eventIn(decode(item))
  }
}

/** Who answers from the past does not know of anything after it either. */
const staleAnswersMax = 16

/**
 * What was read once may be gone, or the answer is that of a leader of the past. The last message of
 * a subject is never taken away, so whoever knows nothing from there on knows too little.
 */
async function readAgain(log: EventLog, stream: string, seq: number): Promise<Stored | undefined> {
  for (let answers = 0; answers < staleAnswersMax; answers++) {
    for await (const stored of log.read({ stream, subjects: [], fromSeq: seq })) {
      return stored.seq === seq ? stored : undefined
    }
  }
  return undefined
}

/** An event that was edited for a redrive lies in the letter that asked for it. */
export function eventIn(item: Plain): WaybillEvent | undefined {
  const mail = letter.safeParse(item)
  if (!mail.success) return waybillEvent.parse(item)
  return mail.data.body.kind === 'redrive' ? mail.data.body.event : undefined
}
