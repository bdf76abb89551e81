import { decode, parseId, typeMatches, waybillEvent, type InputRef } from '@waybill/core'
import { decodeBatch, streamNames, subjects, type Stored } from '@waybill/log'
import { appName } from '../app.ts'
import type { Acknowledged } from '../ingress.ts'
import type { History } from './check.ts'
import type { Journal } from './journal.ts'
import type { Violate } from './violation.ts'

/**
 * What the log acknowledged is there, and every partition takes what is there for it: in order,
 * each once, nothing passed over; and all of it, once everything came to its end.
 */
export async function checkAcknowledged(
  history: History,
  journals: readonly Journal[],
  violate: Violate,
): Promise<void> {
  const { log, topology, acknowledged, lost } = history
  const { events, mail } = streamNames(topology)
  for (const one of acknowledged) {
    const stream = one.kind === 'letter' ? mail : events
    if (lost.some((gone) => gone.stream === stream && gone.seq === one.seq)) continue
    const stored = await log.get(stream, one.seq)
    if (!stored || !holds(stored, one)) {
      violate('I1', `${one.kind} ${one.id} is not at ${stream} ${one.seq}/${one.index}`)
    }
  }
  for (const journal of journals) {
    const { slot } = journal
    const ask = subjects(topology).mailbox(appName, slot, 'ask').slice(0, -1)
    const event = subjects(topology).events(slot)
    await checkReads(history, journal, { stream: events, position: events, start: event }, violate)
    await checkReads(
      history,
      journal,
      { stream: mail, position: `${mail}.ask`, start: ask },
      violate,
    )
    checkStarts(history, journal, violate)
    await checkTaken(history, journal, violate)
  }
}

function holds({ bytes }: Stored, { kind, id, index }: Acknowledged): boolean {
  const item = decodeBatch(bytes)[index]
  if (!item) return false
  const found = decode(item) as unknown as { id?: string; n?: number }
  return kind === 'poison' ? String(found.n) === id : found.id === id
}

interface Lane {
  readonly stream: string
  readonly position: string
  readonly start: string
}

async function checkReads(
  history: History,
  { slot, reads }: Journal,
  lane: Lane,
  violate: Violate,
): Promise<void> {
  const taken = reads.get(lane.position) ?? []
  const there = await inputsOf(history, lane)
  const where = (at: number): string => `slot ${slot}: ${lane.position}, input ${at + 1}`
  const wrong = taken.findIndex((input, at) => !isSame(input, there[at]))
  const read = taken[wrong]
  if (isHalted(history, slot) || mayNotKnow(history, lane, wrong >= there.length)) return
  if (read) {
    const expected = there[wrong] ? `${there[wrong].seq}/${there[wrong].index}` : 'the end'
    const found = `${read.seq}/${read.index}`
    violate('I1', `${where(wrong)} is ${found}, where ${expected} stands in the stream`)
  } else if (history.settled && !knowsLess(history) && taken.length < there.length) {
    violate('I1', `${where(taken.length)} was never read, of ${there.length}`)
  }
}

/**
 * A power cut took what was read: then the partition must not go on, once it can know. While
 * nothing stands there again it cannot, and passes over nothing either.
 */
const mayNotKnow = ({ lost, options }: History, { stream }: Lane, isAtEnd: boolean): boolean =>
  lost.some((gone) => gone.stream === stream) && (options.mode === 'safety' || isAtEnd)

/** A host at rest does not know that the end of its journal is gone; it sees at its next append. */
const knowsLess = ({ lost, topology }: History): boolean =>
  lost.some(({ stream }) => stream === streamNames(topology).journal)

const isHalted = ({ hosts }: History, slot: number): boolean =>
  hosts.some((host) =>
    host.status().partitions.some((one) => one.slot === slot && one.state === 'halted'),
  )

type Place = Omit<InputRef, 'stream'>

const isSame = (one: Place, other: Place | undefined): boolean =>
  one.seq === other?.seq && one.index === other.index && one.hash === other.hash

async function inputsOf({ log }: History, { stream, start }: Lane): Promise<readonly Place[]> {
  const subject = start.endsWith('.') ? `${start}>` : start
  const there: Place[] = []
  for await (const { seq, bytes } of log.read({ stream, subjects: [subject], fromSeq: 1 })) {
    const hash = log.hash.bytes(bytes)
    for (const index of decodeBatch(bytes).keys()) there.push({ seq, index, hash })
  }
  return there
}

/** An event is put aside only where it is no event, or where hosts died of it again and again. */
async function checkTaken(history: History, { slot, entries }: Journal, violate: Violate) {
  const events = await eventsOf(history, slot)
  for (const { entry, seq } of entries) {
    const { input } = entry
    if (input.kind !== 'quarantined' || !input.ref?.stream.startsWith('EVENTS')) continue
    const isEvent = events.has(`${input.ref.seq}/${input.ref.index}`)
    if (isEvent && history.lost.length === 0 && !input.reason.includes('epochs ended here')) {
      violate('I1', `slot ${slot} at ${seq}: an event is put aside: ${input.reason}`)
    }
  }
}

/** Places of what is an event of this slot. */
async function eventsOf({ log, topology }: History, slot: number): Promise<Set<string>> {
  const places = new Set<string>()
  const range = {
    stream: streamNames(topology).events,
    subjects: [subjects(topology).events(slot)],
  }
  for await (const { seq, bytes } of log.read({ ...range, fromSeq: 1 })) {
    for (const [index, item] of decodeBatch(bytes).entries()) {
      const event = waybillEvent.safeParse(decode(item))
      if (event.success && parseId(event.data.id)?.slot === slot) places.add(`${seq}/${index}`)
    }
  }
  return places
}

/** By the types alone, without a look at the verdicts: who should have been asked was asked. */
function checkStarts({ options }: History, { entries }: Journal, violate: Violate): void {
  for (const { entry, seq } of entries) {
    if (entry.input.kind !== 'event') continue
    const { head, verdicts } = entry.input
    if (entry.facts.some(({ kind }) => kind === 'event.duplicate')) continue
    const judged = verdicts.map(({ binding }) => binding.slice(0, binding.lastIndexOf('@'))).sort()
    const wanted = options.bindings
      .filter(({ on }) => typeMatches(on, head.type))
      .map(({ id }) => id)
    if (judged.join() !== wanted.sort().join()) {
      violate(
        'I1',
        `${head.id} at ${seq} was judged for ${judged.join()}, not for ${wanted.join()}`,
      )
    }
  }
}
