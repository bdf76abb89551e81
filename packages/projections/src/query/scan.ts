import { type Expression, type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import { BadCursor } from '../fault.ts'
import type { Tables } from '../tables.ts'

/** Newest first: a place in a list, and how a page tells where the next one begins. */
export interface Mark {
  readonly at: number
  readonly number: number
}

export function encodeCursor({ at, number }: Mark): string {
  return `${at.toString(36)}.${number.toString(36)}`
}

export function decodeCursor(cursor: string): Mark {
  const [, at = '', number = ''] = /^([0-9a-z]{1,11})\.([0-9a-z]{1,11})$/.exec(cursor) ?? []
  const mark = { at: Number.parseInt(at, 36), number: Number.parseInt(number, 36) }
  if (!Number.isSafeInteger(mark.at) || !Number.isSafeInteger(mark.number)) {
    throw new BadCursor('it is no cursor of this list')
  }
  return mark
}

export type Conditions = readonly Expression<SqlBool>[]
type Listed = 'dispatch' | 'dead_letter' | 'event'

/** Of what has the same time; an index has it in this order, with these very words. */
const tie: { readonly [T in Listed]: RawBuilder<number> } = {
  dispatch: sql`"number"`,
  dead_letter: sql`"number"`,
  event: sql`("journal_seq" * 65536 + "journal_place")`,
}

export type Row<T extends Listed> = Tables[T] & { readonly mark: number }

export interface Scan<T extends Listed> {
  readonly db: Kysely<Tables>
  readonly table: T
  /** The column that the list goes by. */
  readonly by: 'started_at' | 'at'
  /** What an index finds, and what every row found has to be asked. */
  readonly indexed: Conditions
  readonly asked: Conditions
  readonly after: Mark | undefined
  readonly limit: number
  readonly bounds?: ScanBounds | undefined
}

/** A search that finds little must not hold up everything else: it says how far it came. */
export interface ScanBounds {
  /** Rows looked at in one query, and how many such queries. */
  readonly windowRows: number
  readonly windowsMax: number
}
const scanBounds: ScanBounds = { windowRows: 5000, windowsMax: 4 }

/** `frontier`: what is older was not looked at. Undefined: there is nothing older. */
export interface Scanned<T extends Listed> {
  readonly rows: readonly Row<T>[]
  readonly frontier: Mark | undefined
}

export async function scan<T extends Listed>(wanted: Scan<T>): Promise<Scanned<T>> {
  const rows: Row<T>[] = []
  const { windowRows, windowsMax } = wanted.bounds ?? scanBounds
  let { after } = wanted
  for (let window = 0; window < windowsMax; window++) {
    const end = await windowEnd(wanted, after, windowRows)
    rows.push(...(await rowsBetween(wanted, after, end, wanted.limit - rows.length)))
    const last = rows.at(-1)
    if (rows.length >= wanted.limit && last) return { rows, frontier: markOf(last, wanted.by) }
    if (end === undefined) return { rows, frontier: undefined }
    after = end
  }
  return { rows, frontier: after }
}

async function windowEnd<T extends Listed>(
  { db, table, by, indexed }: Scan<T>,
  after: Mark | undefined,
  windowRows: number,
): Promise<Mark | undefined> {
  const { rows } = await sql<Mark>`
    select ${sql.ref(by)} as "at", ${tie[table]} as "number" from ${sql.table(table)}
    where ${all([...indexed, ...beyond(table, by, after)])}
    order by ${sql.ref(by)} desc, ${tie[table]} desc limit 1 offset ${windowRows - 1}
  `.execute(db)
  return rows[0]
}

async function rowsBetween<T extends Listed>(
  { db, table, by, indexed, asked }: Scan<T>,
  after: Mark | undefined,
  end: Mark | undefined,
  limit: number,
): Promise<readonly Row<T>[]> {
  const upTo = end
    ? [sql<SqlBool>`(${sql.ref(by)}, ${tie[table]}) >= (${end.at}, ${end.number})`]
    : []
  const { rows } = await sql<Row<T>>`
    select *, ${tie[table]} as "mark" from ${sql.table(table)}
    where ${all([...indexed, ...asked, ...beyond(table, by, after), ...upTo])}
    order by ${sql.ref(by)} desc, ${tie[table]} desc limit ${limit}
  `.execute(db)
  return rows
}

const beyond = (table: Listed, by: string, after: Mark | undefined): Conditions =>
  after ? [sql<SqlBool>`(${sql.ref(by)}, ${tie[table]}) < (${after.at}, ${after.number})`] : []

const all = (conditions: Conditions): RawBuilder<unknown> =>
  sql.join([sql`1 = 1`, ...conditions], sql` and `)

export const markOf = (row: object, by: 'started_at' | 'at'): Mark => {
  const { mark, [by]: at } = row as Record<string, number> // rows of a scan have both
  return { at: at ?? 0, number: mark ?? 0 }
}
