import type { EventLog, Stored } from '@waybill/log'
import { onTestFinished } from 'vitest'
import { fillStore } from '../src/rebuild.ts'
import { openSqliteStore } from '../src/sqlite/store.ts'
import type { RowStore } from '../src/store.ts'
import type { Stage } from './player.ts'
import { altered, logOf } from './stored.ts'

export interface Told {
  readonly db: RowStore['db']
  readonly log: EventLog
}

/** A story in a log and in rows. `after` changes what the journal shows once it is folded. */
export async function told(
  stage: Stage,
  after?: (message: Stored) => Stored | undefined,
): Promise<Told> {
  const log = await logOf(stage)
  const store = openSqliteStore({ file: ':memory:' })
  onTestFinished(() => store[Symbol.asyncDispose]())
  const { halted } = await fillStore({ log, stream: 'JOURNAL_g1' }, store)
  if (halted[0]) throw halted[0].cause
  return { db: store.db, log: after ? altered(log, after) : log }
}
