import type { Kysely } from 'kysely'
import { Ambiguous, NotFound } from '../fault.ts'
import type { Tables } from '../tables.ts'

const candidatesMax = 20
type Named = 'dispatch' | 'event' | 'dead_letter'

const wordOf: Record<Named, string> = {
  dispatch: 'dispatch',
  event: 'event',
  dead_letter: 'dead letter',
}

/**
 * The one id that begins like this. Ids begin with generation and slot, which nobody remembers: a
 * prefix without a dash is looked for behind them, in every slot.
 *
 * @throws NotFound | Ambiguous
 */
export async function resolveId(db: Kysely<Tables>, table: Named, prefix: string): Promise<string> {
  const found = await idsLike(db, table, prefix)
  const [only, ...more] = found
  if (only === undefined) throw new NotFound(wordOf[table], prefix)
  if (more.length === 0 || found.includes(prefix)) return more.length === 0 ? only : prefix
  throw new Ambiguous(wordOf[table], prefix, found)
}

async function idsLike(db: Kysely<Tables>, table: Named, prefix: string): Promise<string[]> {
  const starts = prefix.includes('-') ? [prefix] : await everySlot(db, prefix)
  const found: string[] = []
  for (const start of starts) {
    const rows = await db
      .selectFrom(table)
      .select('id')
      .distinct()
      .where('id', '>=', start)
      .where('id', '<', `${start}~`)
      .orderBy('id')
      .limit(candidatesMax)
      .execute()
    found.push(...rows.map(({ id }) => id))
    if (found.length >= candidatesMax) break
  }
  return found.slice(0, candidatesMax)
}

async function everySlot(db: Kysely<Tables>, prefix: string): Promise<string[]> {
  const rows = await db.selectFrom('partition').select(['generation', 'slot']).distinct().execute()
  return rows.map(({ generation, slot }) => `${generation}-${slot}-${prefix}`)
}
