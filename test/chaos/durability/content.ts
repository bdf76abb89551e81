import { decode, waybillEvent } from '@waybill/core'
import { checkHistory } from '@waybill/history'
import { decodeBatch, sha256, streamNames, type EventLog, type Topology } from '@waybill/log'
import { openLog } from '../judge.ts'

/** Hashes of the messages of EVENTS and of the journal, and the ids of the events in them. */
export interface Content {
  readonly events: ReadonlySet<string>
  readonly messages: ReadonlyMap<string, string>
}

/** What must be there. */
export interface Expected {
  readonly acknowledged: ReadonlySet<string>
  /** Where nothing was under way: all of it, and every dispatch ended. */
  readonly written?: Content
}

export interface Examined {
  /** Acknowledged, and not there. */
  readonly gone: number
  /** What can be read is not what was written. */
  readonly changed: boolean
  /** Who said so. `start`: there are no streams, or they cannot be read. */
  readonly noticed: 'start' | 'verify' | undefined
  readonly said: string
}

/** It is little; a replica that lacks what another has keeps a reader waiting for ever. */
const readWithinMs = 15_000

export async function contentOf(servers: string): Promise<Content> {
  await using open = await openLog(servers)
  return await readAll(open, AbortSignal.timeout(readWithinMs))
}

/** What cannot be read may only be slow: it is looked at once more. */
export async function examine(servers: string, expected: Expected): Promise<Examined> {
  const first = await look(servers, expected)
  return first.noticed === 'start' ? look(servers, expected) : first
}

async function look(servers: string, expected: Expected): Promise<Examined> {
  const { acknowledged, written } = expected
  try {
    await using open = await openLog(servers)
    const signal = AbortSignal.timeout(readWithinMs)
    // Whatever still waits then ends with its log.
    signal.addEventListener('abort', () => void open[Symbol.asyncDispose](), { once: true })
    const found = await readAll(open, signal)
    const gone = [...acknowledged].filter((id) => !found.events.has(id)).length
    const { findings, open: unended, unread } = await checkHistory(open, { signal })
    const left = written === undefined ? 0 : unended + unread
    const isOther = written !== undefined && !isSame(written, found)
    const said = findings[0]?.what ?? (left > 0 ? `${left} have not ended` : '')
    const noticed = findings.length + left > 0 ? 'verify' : undefined
    return { gone, changed: gone > 0 || isOther || noticed !== undefined, noticed, said }
  } catch (cause) {
    return { gone: acknowledged.size, changed: true, noticed: 'start', said: String(cause) }
  }
}

async function readAll(
  { log, topology }: { readonly log: EventLog; readonly topology: Topology },
  signal: AbortSignal,
): Promise<Content> {
  const events = new Set<string>()
  const messages = new Map<string, string>()
  const names = streamNames(topology)
  for (const stream of [names.events, names.journal]) {
    for await (const { seq, bytes } of log.read({ stream, subjects: [], fromSeq: 1 }, signal)) {
      messages.set(`${stream} ${seq}`, sha256.bytes(bytes))
      if (stream !== names.events) continue
      for (const item of decodeBatch(bytes)) events.add(waybillEvent.parse(decode(item)).id)
    }
  }
  return { events, messages }
}

const isSame = (written: Content, found: Content): boolean =>
  written.messages.size === found.messages.size &&
  [...written.messages].every(([place, hash]) => found.messages.get(place) === hash)
