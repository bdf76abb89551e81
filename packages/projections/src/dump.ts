import type { Hash } from '@waybill/core'
import { type Kysely, sql } from 'kysely'
import { partitionKey } from './accept.ts'
import { columnsOf, type FoldedName, foldedNames } from './roles.ts'
import { dispatchNumber, ordinalOf, type PartitionTable, type Tables } from './tables.ts'

/** A row as every store that folded the same journal has it. */
export interface DumpedRow {
  readonly table: FoldedName | 'partition'
  /** Finds the row in its table; rows come in this order. */
  readonly key: readonly (string | number)[]
  readonly columns: Readonly<Record<string, string | number | null>>
}

/**
 * All rows of a store, in an order and a form that do not depend on how they came in: what is
 * numbered by first sight (partitions, and dispatches by them) is named instead.
 */
export async function* dump(db: Kysely<Tables>): AsyncGenerator<DumpedRow, void> {
  const partitions = await db.selectFrom('partition').selectAll().execute()
  const names = new Map(partitions.map((one) => [one.number, partitionKey(one)]))
  const ordered = partitions.toSorted((a, b) => compareKeys([partitionKey(a)], [partitionKey(b)]))
  for (const one of ordered) yield positionOf(one)
  for (const table of foldedNames) {
    const keys = columnsOf(table, 'key')
    const source = { db, table, keys }
    if (ofDispatches.has(table)) {
      for (const one of ordered) yield* partitionRows(source, one)
    } else {
      for await (const row of rowsOf(source)) yield named(row, table, keys, names)
    }
  }
}

/** One hash over all tables: equal on every machine that folded as far. */
export async function digest(
  db: Kysely<Tables>,
  hash: Hash,
): Promise<{ readonly hash: string; readonly rows: number }> {
  let chain = ''
  let rows = 0
  let lines: string[] = []
  const seal = () => {
    chain = hash.text(`${chain}\n${lines.join('\n')}`)
    lines = []
  }
  for await (const { table, columns } of dump(db)) {
    lines.push(JSON.stringify([table, columns]))
    rows += 1
    if (lines.length === linesPerHash) seal()
  }
  seal()
  return { hash: chain, rows }
}

const linesPerHash = 1000

/** Where a table's rows come in a dump. */
export const tableOrder = ({ table }: DumpedRow): number =>
  table === 'partition' ? -1 : foldedNames.indexOf(table)

export function compareKeys(
  a: readonly (string | number)[],
  b: readonly (string | number)[],
): number {
  for (const [at, left] of a.entries()) {
    const right = b[at]
    if (right === undefined) return 1
    if (left !== right) return left < right ? -1 : 1
  }
  return a.length - b.length
}

/** Tables whose key begins with a dispatch's number. */
const ofDispatches: ReadonlySet<FoldedName> = new Set([
  'dispatch',
  'dispatch_sequence',
  'dead_letter',
  'death',
])

interface Source {
  readonly db: Kysely<Tables>
  readonly table: FoldedName
  readonly keys: readonly string[]
}
type Row = Readonly<Record<string, string | number | null>>

async function* partitionRows(
  source: Source,
  partition: PartitionTable,
): AsyncGenerator<DumpedRow, void> {
  const { table, keys } = source
  const from = dispatchNumber(partition.number, 0)
  const to = dispatchNumber(partition.number + 1, 0)
  const within = sql`"number" >= ${from} and "number" < ${to}`
  const name = partitionKey(partition)
  for await (const row of rowsOf(source, within)) {
    const { number, ...rest } = row
    const ordinal = ordinalOf(Number(number))
    const key = [name, ordinal, ...keys.slice(1).map((column) => keyPart(row[column]))]
    yield { table, key, columns: { partition: name, ordinal, ...rest } }
  }
}

function named(
  row: Row,
  table: FoldedName,
  keys: readonly string[],
  names: ReadonlyMap<number, string>,
): DumpedRow {
  const key = keys.map((column) => keyPart(row[column]))
  if (row['partition'] === undefined) return { table, key, columns: row }
  const partition = names.get(Number(row['partition'])) ?? null
  return { table, key, columns: { ...row, partition } }
}

function positionOf(one: PartitionTable): DumpedRow {
  const { number: _, ...columns } = one
  return { table: 'partition', key: [partitionKey(one)], columns }
}

const rowsPerQuery = 1000

/** In the order of the keys, page by page: a table may be larger than memory. */
async function* rowsOf(
  { db, table, keys }: Source,
  within = sql`1 = 1`,
): AsyncGenerator<Row, void> {
  const names = sql.join(keys.map((key) => sql.ref(key)))
  const columns = sql.join(columnsOf(table).map((column) => sql.ref(column)))
  let after = sql``
  for (;;) {
    const page = await sql<Row>`
      select ${columns} from ${sql.table(table)} where ${within} ${after}
      order by ${names} limit ${rowsPerQuery}
    `.execute(db)
    yield* page.rows
    const last = page.rows.at(-1)
    if (last === undefined || page.rows.length < rowsPerQuery) return
    after = sql`and (${names}) > (${sql.join(keys.map((key) => last[key]))})`
  }
}

/** Keys are never null. */
const keyPart = (value: string | number | null | undefined): string | number => value ?? ''
