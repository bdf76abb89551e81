import type { Change } from './projection.ts'
import { columnsOf, type FoldedName, foldedNames } from './roles.ts'
import type { PartitionTable } from './tables.ts'

type Row = Readonly<Record<string, unknown>>

/** Rows to be written in one transaction, each once, with the positions they bring about. */
export interface Batch {
  readonly rows: ReadonlyMap<FoldedName, Iterable<Row>>
  readonly partitions: readonly PartitionTable[]
}

/**
 * Gathers changes. A dispatch that started and ended within a batch is written once, a counter
 * that moved a thousand times too.
 */
export interface Gathering {
  add(change: Change): void
  /** The newest position counts. */
  reached(partition: PartitionTable): void
  batch(): Batch
}

export function gather(): Gathering {
  const gathered = new Map(foldedNames.map((table) => [table, gatherRows(table)]))
  const partitions = new Map<number, PartitionTable>()
  return {
    add({ table, row }) {
      // Every table of a change has its gatherer, and a row is read by the names in `roles`.
      gathered.get(table)?.add(row as unknown as Row)
    },
    reached: (partition) => void partitions.set(partition.number, partition),
    batch: () => ({
      rows: new Map([...gathered].map(([table, { rows }]) => [table, rows()])),
      partitions: [...partitions.values()],
    }),
  }
}

interface RowGatherer {
  add(row: Row): void
  rows(): Iterable<Row>
}

function gatherRows(table: FoldedName): RowGatherer {
  const counts = columnsOf(table, 'count')
  if (counts.length > 0) return summed(keyOf(table), counts)
  return columnsOf(table, 'latest').length > 0 ? newest(keyOf(table)) : all()
}

/** Written again, a fixed row stays as it was: the store may see it twice. */
function all(): RowGatherer {
  const rows: Row[] = []
  return { add: (row) => void rows.push(row), rows: () => rows }
}

function newest(key: (row: Row) => unknown): RowGatherer {
  const rows = new Map<unknown, Row>()
  return { add: (row) => void rows.set(key(row), row), rows: () => rows.values() }
}

function summed(key: (row: Row) => unknown, counts: readonly string[]): RowGatherer {
  const rows = new Map<unknown, Record<string, unknown>>()
  return {
    add(row) {
      const at = key(row)
      const sum = rows.get(at)
      if (sum === undefined) rows.set(at, { ...row })
      else for (const count of counts) sum[count] = Number(sum[count]) + Number(row[count])
    },
    rows: () => rows.values(),
  }
}

function keyOf(table: FoldedName): (row: Row) => unknown {
  const [only = '', ...more] = columnsOf(table, 'key')
  if (more.length === 0) return (row) => row[only]
  return (row) => more.reduce((key, column) => `${key}\n${String(row[column])}`, String(row[only]))
}
