import type { DispatchRecord, Entry, Fact, FactOf, Hash } from '@waybill/core'
import { type Bundle, decodeBundle, decodeEntry, type EventLog } from '@waybill/log'
import type { Kysely } from 'kysely'
import { partitionOf, type Tables } from './tables.ts'

/** One thing that happened to a dispatch, where the journal has it. */
export interface HistoryEntry {
  readonly stream: string
  readonly seq: number
  /** Place of the entry in its bundle. */
  readonly index: number
  readonly bundle: number
  readonly epoch: number
  readonly entry: Entry
  readonly fact: FactOf<'transition'> | FactOf<'dispatch.quarantined'>
  /** sha-256 of the entry: what the dispatch's next transition names as `prev`. */
  readonly hash: string
}

export interface Verification {
  /** `partial`: the beginning is no longer kept. */
  readonly result: 'intact' | 'partial' | 'broken'
  readonly why?: string
}

export interface History {
  readonly id: string
  readonly entries: readonly HistoryEntry[]
  readonly verified: Verification
  /** There is more than was asked for. */
  readonly more: boolean
}

export interface HistorySource {
  readonly db: Kysely<Tables>
  readonly log: Pick<EventLog, 'hash' | 'get'>
}

/**
 * What happened to a dispatch, from the journal itself: the store only says where to look. Its
 * hash chain is walked from the first entry kept, so what is shown is what was written.
 *
 * @param max entries to read at most, from the beginning
 */
export async function readHistory(
  source: HistorySource,
  dispatch: Recorded,
  max = 1000,
): Promise<History> {
  const seqs = await sequencesOf(source, dispatch, 'asc', max + 1)
  const wanted = seqs.slice(0, max)
  const entries = await entriesAt(source, dispatch, wanted)
  const missing = new Set(wanted).size > new Set(entries.map(({ seq }) => seq)).size
  return { id: dispatch.id, entries, verified: verify(entries, missing), more: seqs.length > max }
}

/** How it began and how it stands, each as far as the journal still has it. */
export async function readEnds(
  source: HistorySource,
  dispatch: Recorded,
): Promise<{ readonly first?: HistoryEntry; readonly record?: DispatchRecord }> {
  const [start] = await entriesAt(source, dispatch, await sequencesOf(source, dispatch, 'asc', 1))
  // Two: a dispatch that was quarantined has its record in the entry before that.
  const newest = await sequencesOf(source, dispatch, 'desc', 2)
  const record = recordOf(await entriesAt(source, dispatch, newest.toReversed()))
  return { ...(start && { first: start }), ...(record && { record }) }
}

function recordOf(entries: readonly HistoryEntry[]): DispatchRecord | undefined {
  let record: DispatchRecord | undefined
  for (const { fact } of entries) {
    if (fact.kind === 'transition') record = fact.record
    else if (record) record = quarantined(record, fact)
  }
  return record
}

/** What `apply` makes of it: there is no transition that says so. */
const quarantined = (
  record: DispatchRecord,
  { at, reason }: FactOf<'dispatch.quarantined'>,
): DispatchRecord => ({
  ...record,
  state: 'dlq',
  at,
  index: record.index + 1,
  effect: undefined,
  timers: {},
  outcome: { status: 'dlq', reason },
})

/** A dispatch as its row names it. */
export interface Recorded {
  readonly id: string
  readonly number: number
}

async function sequencesOf(
  { db }: HistorySource,
  { number }: Recorded,
  order: 'asc' | 'desc',
  limit: number,
): Promise<readonly number[]> {
  const rows = await db
    .selectFrom('dispatch_sequence')
    .select('seq')
    .where('number', '=', number)
    .orderBy('seq', order)
    .limit(limit)
    .execute()
  return rows.map(({ seq }) => seq)
}

async function entriesAt(
  { db, log }: HistorySource,
  { id, number }: Recorded,
  seqs: readonly number[],
): Promise<readonly HistoryEntry[]> {
  const { stream } = await db
    .selectFrom('partition')
    .select('stream')
    .where('number', '=', partitionOf(number))
    .executeTakeFirstOrThrow()
  const entries: HistoryEntry[] = []
  for (const seq of seqs) {
    const message = await log.get(stream, seq)
    if (!message) continue
    entries.push(...entriesOf(decodeBundle(log.hash, message.bytes), { id, stream, seq }, log))
  }
  return entries
}

function entriesOf(
  { header, entries }: Bundle,
  { id, stream, seq }: { id: string; stream: string; seq: number },
  { hash }: { hash: Hash },
): HistoryEntry[] {
  const wanted = Buffer.from(id)
  const { number: bundle, epoch } = header
  return entries.flatMap((bytes, index) => {
    // A bundle may hold a thousand entries, and few of them are about this dispatch.
    if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(wanted)) return []
    const entry = decodeEntry(bytes)
    const own = hash.bytes(bytes)
    return entry.facts
      .filter((fact) => isAbout(fact, id))
      .map((fact) => ({ stream, seq, index, bundle, epoch, entry, fact, hash: own }))
  })
}

function isAbout(fact: Fact, id: string): fact is HistoryEntry['fact'] {
  return (
    (fact.kind === 'transition' || fact.kind === 'dispatch.quarantined') && fact.dispatch === id
  )
}

function verify(entries: readonly HistoryEntry[], missing: boolean): Verification {
  let before: HistoryEntry | undefined
  for (const one of entries) {
    const why = breakAt(one, before)
    if (why !== undefined) return { result: 'broken', why: `${one.stream} ${one.seq}: ${why}` }
    before = one
  }
  const [first] = entries
  if (!missing && first?.fact.kind === 'transition' && first.fact.origin) {
    return { result: 'intact' }
  }
  return { result: 'partial', why: 'the journal no longer holds all of it' }
}

function breakAt({ fact }: HistoryEntry, before: HistoryEntry | undefined): string | undefined {
  if (fact.kind === 'dispatch.quarantined' || !before) return undefined
  if (before.fact.kind === 'dispatch.quarantined') return 'something follows after its end'
  if (fact.index !== before.fact.index + 1) {
    return `transition ${fact.index} follows ${before.fact.index}`
  }
  return fact.prev === before.hash ? undefined : `transition ${fact.index} names another one before`
}
