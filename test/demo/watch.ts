import { isFinal, type Fact, type Transition } from '@waybill/core'
import { decodeBundle, decodeEntry, streamNames, type EventLog, type Topology } from '@waybill/log'

/** What the journal says, told by nobody but the journal. */
export interface Seen {
  /** Events that a partition has taken as new. */
  readonly events: ReadonlySet<string>
  /** `<event> <binding id>` -> states of dispatches that ended, one each if all is well. */
  readonly ends: ReadonlyMap<string, readonly string[]>
  readonly duplicates: number
  readonly transitions: number
  readonly epochs: number
}

/**
 * Follows the journal of all partitions until every event of `wanted`, and every event that their
 * handlers sent, is seen and no dispatch is open. Waits on facts only; `signal` bounds it.
 */
export async function untilQuiet(
  log: EventLog,
  topology: Topology,
  wanted: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Seen> {
  const missing = new Set(wanted)
  const events = new Set<string>()
  const open = new Map<string, { event: string; binding: string }>()
  const ends = new Map<string, string[]>()
  let duplicates = 0
  let transitions = 0
  let epochs = 0

  function end(dispatch: string, state: string): void {
    const of = open.get(dispatch)
    if (!of) return
    open.delete(dispatch)
    const key = `${of.event} ${of.binding}`
    ends.set(key, [...(ends.get(key) ?? []), state])
  }

  function move({ dispatch, origin, to }: Transition): void {
    transitions += 1
    if (origin) {
      const binding = origin.binding.slice(0, origin.binding.lastIndexOf('@'))
      open.set(dispatch, { event: origin.event, binding })
    }
    if (isFinal(to)) end(dispatch, to)
  }

  function take(bytes: Uint8Array): void {
    const { input, facts } = decodeEntry(bytes)
    if (input.kind === 'result' && 'sent' in input.result) {
      for (const id of input.result.sent) if (!events.has(id)) missing.add(id)
    }
    for (const fact of facts) note(fact)
    if (input.kind !== 'event' || facts[0]?.kind !== 'event.seen') return
    events.add(input.head.id)
    missing.delete(input.head.id)
  }

  function note(fact: Fact): void {
    if (fact.kind === 'transition') move(fact)
    if (fact.kind === 'dispatch.quarantined') end(fact.dispatch, 'dlq')
    if (fact.kind === 'event.duplicate') duplicates += 1
    if (fact.kind === 'epoch.began') epochs += 1
  }

  const stream = streamNames(topology).journal
  await using reader = log.follow({ stream, subjects: [], fromSeq: 1 }, signal)
  const credit = { messages: 256, bytes: 32 * 1024 * 1024 }
  reader.grant(credit)
  for await (const message of reader) {
    for (const bytes of decodeBundle(log.hash, message.bytes).entries) take(bytes)
    reader.grant({ messages: 1, bytes: message.bytes.length })
    if (missing.size === 0 && open.size === 0) {
      return { events, ends, duplicates, transitions, epochs }
    }
  }
  throw new Error(
    `not quiet in time: ${missing.size} events unseen (${[...missing][0] ?? ''}), ` +
      `${open.size} dispatches open (${[...open.keys()][0] ?? ''})`,
  )
}
