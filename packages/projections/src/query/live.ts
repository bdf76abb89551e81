import type { Entry, FactOf, Hash } from '@waybill/core'
import { type BundleHeader, decodeBundle, decodeEntry, type EventLog } from '@waybill/log'
import type { Kysely } from 'kysely'
import { readHistory } from '../history.ts'
import { type LiveBundle, liveOf } from '../live.ts'
import { latest } from '../move.ts'
import type { Move } from '../projection.ts'
import type { DispatchTable, Tables } from '../tables.ts'

export interface LiveSource {
  readonly db: Kysely<Tables>
  readonly log: Pick<EventLog, 'hash' | 'get' | 'read'>
}

export interface LiveRange {
  readonly stream: string
  /** The last sequence that is not wanted, and the last one that is; the rows must be as far. */
  readonly after: number
  readonly upTo: number
  /** About as much as one answer may hold; at least one bundle comes. */
  readonly bytesMax: number
}

/** What watchers would have been told, from the journal: with the rows as they are by now. */
export async function readLive(
  source: LiveSource,
  { stream, after, upTo, bytesMax }: LiveRange,
): Promise<{ readonly bundles: readonly LiveBundle[]; readonly upTo: number }> {
  const bundles: LiveBundle[] = []
  let bytes = 0
  const range = { stream, subjects: [], fromSeq: after + 1, toSeq: upTo }
  for await (const { seq, at, bytes: stored } of upTo > after ? source.log.read(range) : []) {
    const read = unpacked(source.log.hash, stored)
    if (read === undefined) continue
    const bundle = await told(source, { header: read.header, seq, at }, read.entries)
    bytes += JSON.stringify(bundle).length
    const before = bundles.at(-1)
    if (before && bytes > bytesMax) return { bundles, upTo: before.seq }
    bundles.push(bundle)
  }
  return { bundles, upTo: Math.max(after, upTo) }
}

/** Undefined: it cannot be read, and its partition is halted. Whoever follows sees a hole. */
function unpacked(hash: Hash, stored: Uint8Array) {
  try {
    const { header, entries } = decodeBundle(hash, stored)
    return { header, entries: entries.map(decodeEntry) }
  } catch {
    return undefined
  }
}

type Where = { readonly header: BundleHeader; readonly seq: number; readonly at: number }

async function told(
  source: LiveSource,
  where: Where,
  entries: readonly Entry[],
): Promise<LiveBundle> {
  const facts = entries.map((entry) => entry.facts.filter(isAMove))
  const rows = await rowsOf(source.db, [...new Set(facts.flat().map(({ dispatch }) => dispatch))])
  const moves = facts.map((of) =>
    Promise.all(
      of.flatMap((fact) => {
        const row = rows.get(fact.dispatch)
        return row ? [moveOf(source, row, fact)] : []
      }),
    ),
  )
  return liveOf({ ...where, entries: (await Promise.all(moves)).map((of) => ({ moves: of })) })
}

type Moved = Move['fact']

function isAMove(fact: Entry['facts'][number]): fact is Moved {
  const { kind } = fact
  return (
    kind === 'transition' ||
    kind === 'dispatch.quarantined' ||
    kind === 'dead.redriven' ||
    kind === 'dead.discarded'
  )
}

const idsPerQuery = 500

async function rowsOf(
  db: Kysely<Tables>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, DispatchTable>> {
  const found = new Map<string, DispatchTable>()
  for (let at = 0; at < ids.length; at += idsPerQuery) {
    const some = ids.slice(at, at + idsPerQuery)
    const rows = await db.selectFrom('dispatch').selectAll().where('id', 'in', some).execute()
    for (const row of rows) found.set(row.id, row)
  }
  return found
}

/** The row has gone on since; what it was then stands in the fact. */
async function moveOf(source: LiveSource, row: DispatchTable, fact: Moved): Promise<Move> {
  switch (fact.kind) {
    case 'transition': {
      const before = fact.from === null ? undefined : { ...row, state: fact.from }
      return { before, after: { ...row, ...latest(fact.record) }, fact }
    }
    case 'dispatch.quarantined':
      return { before: { ...row, state: await stateBefore(source, row, fact) }, after: row, fact }
    case 'dead.redriven':
    case 'dead.discarded':
      return { before: row, after: row, fact }
    default:
      return fact satisfies never
  }
}

/** It stands in the transition before: a quarantine does not say where it came from. */
async function stateBefore(
  source: LiveSource,
  row: DispatchTable,
  fact: FactOf<'dispatch.quarantined'>,
): Promise<DispatchTable['state']> {
  const { entries } = await readHistory(source, row)
  const last = entries.findLast((one) => one.fact.kind === 'transition' && one.entry.at <= fact.at)
  return last?.fact.kind === 'transition' ? last.fact.to : row.state
}
