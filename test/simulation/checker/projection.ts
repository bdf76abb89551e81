import { sha256, streamNames, type Stored } from '@waybill/log'
import { openFolder, openSqliteStore, type RowStore } from '@waybill/projections'
import { random } from '../world/random.ts'
import type { History } from './check.ts'
import type { Tale } from './tale.ts'
import type { Violate } from './violation.ts'

/** A store costs more than a run: every so many seeds have one. */
const everyNth = 10

class Crash extends Error {
  override readonly name = 'Crash'
}

/**
 * The projector's own fold over the journal, in batches of any size; it dies before a batch is
 * written, or just after, and begins again, too early at times. Its rows are what the journal says.
 */
export async function checkProjection(
  history: History,
  { tails, rows: expected }: Tale,
  violate: Violate,
): Promise<void> {
  const { options, log, topology } = history
  if (options.seed % everyNth !== 0) return
  const stream = streamNames(topology).journal
  const messages = await Array.fromAsync(log.read({ stream, subjects: [], fromSeq: 1 }))
  await using store = openSqliteStore({ file: ':memory:' })
  const info = await log.info(stream)
  await foldAll(store, messages, { name: stream, createdAt: info.createdAt }, options.seed, violate)
  const rows = await store.db.selectFrom('dispatch').select(['id', 'state', 'attempt']).execute()
  if (rows.length !== expected.size) violate('I9', `${rows.length} rows of ${expected.size}`)
  for (const { id, state, attempt } of rows) {
    const row = `${state} ${attempt}`
    if (expected.get(id) !== row)
      violate('I9', `row of ${id}: ${row}, should be ${expected.get(id)}`)
  }
  const partitions = await store.db.selectFrom('partition').select(['app', 'slot', 'seq']).execute()
  for (const { app, slot, seq } of partitions) {
    const tail = tails.get(`${app}/${slot}`) ?? 0
    if (seq !== tail)
      violate('I9', `rows of slot ${slot} are of ${seq}, the journal ends at ${tail}`)
  }
}

async function foldAll(
  store: RowStore,
  messages: readonly Stored[],
  stream: { readonly name: string; readonly createdAt: string },
  seed: number,
  violate: Violate,
): Promise<void> {
  const chance = random(`${seed}/projector`)
  const mortal: RowStore = {
    db: store.db,
    async write(batch) {
      if (chance.chance(0.1)) throw new Crash()
      await store.write(batch)
      if (chance.chance(0.1)) throw new Crash()
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
  const open = () => openFolder({ store: mortal, hash: sha256, stream, truncated: false })
  let folder = await open()
  for (let at = 0; at < messages.length;) {
    const batch = messages.slice(at, at + chance.int(1, 8))
    try {
      const { halted } = await folder.fold(batch)
      for (const { slot, seq, cause } of halted) {
        violate('I9', `the projection of slot ${slot} halted at ${seq}: ${cause.message}`)
      }
      at += batch.length
    } catch (cause) {
      if (!(cause instanceof Crash)) throw cause
      folder = await open()
      at = Math.max(0, at - chance.int(0, 4))
    }
  }
}
