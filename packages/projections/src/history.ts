import type { Entry, Fact, FactOf, Hash } from '@waybill/core'
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
  { db, log }: HistorySource,
  dispatch: { readonly id: string; readonly number: number },
  max = 1000,
): Promise<History> {
  const { id, number } = dispatch
  const { stream } = await db
    .selectFrom('partition')
    .select('stream')
    .where('number', '=', partitionOf(number))
    .executeTakeFirstOrThrow()
  const rows = await db
    .selectFrom('dispatch_sequence')
    .select('seq')
    .where('number', '=', number)
    .orderBy('seq')
    .limit(max + 1)
    .execute()
  const entries: HistoryEntry[] = []
  let missing = 0
  for (const { seq } of rows.slice(0, max)) {
    const message = await log.get(stream, seq)
    if (!message) missing += 1
    else entries.push(...entriesOf(decodeBundle(log.hash, message.bytes), { id, stream, seq }, log))
  }
  return { id, entries, verified: verify(entries, missing), more: rows.length > max }
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

function verify(entries: readonly HistoryEntry[], missing: number): Verification {
  let before: HistoryEntry | undefined
  for (const one of entries) {
    const why = breakAt(one, before)
    if (why !== undefined) return { result: 'broken', why: `${one.stream} ${one.seq}: ${why}` }
    before = one
  }
  const [first] = entries
  if (missing === 0 && first?.fact.kind === 'transition' && first.fact.origin) {
    return { result: 'intact' }
  }
  return { result: 'partial', why: 'the journal no longer holds its beginning' }
}

function breakAt({ fact }: HistoryEntry, before: HistoryEntry | undefined): string | undefined {
  if (fact.kind === 'dispatch.quarantined' || !before) return undefined
  if (before.fact.kind === 'dispatch.quarantined') return 'something follows after its end'
  if (fact.index !== before.fact.index + 1) {
    return `transition ${fact.index} follows ${before.fact.index}`
  }
  return fact.prev === before.hash ? undefined : `transition ${fact.index} names another one before`
}
