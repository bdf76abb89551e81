import { rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256, type Stored } from '@waybill/log'
import { openFolder, openSqliteStore } from '../src/index.ts'
import { binding, createPlayer, createStage, type Player } from '../test/player.ts'

/**
 * Dispatches folded and written per second: start and result of each in different bundles, four
 * partitions, a store that grows. Only folding and writing are timed, the making of bundles is not.
 *
 *   node --conditions=@waybill/source bench/projector.bench.ts [dispatches] [per bundle] [batch]
 */
const [dispatches = 200_000, perBundle = 32, batchEntries = 1024] = process.argv
  .slice(2)
  .map(Number)
const slots = 4
const file = join(tmpdir(), `waybill-projector-bench-${process.pid}.db`)
const stage = createStage()
const players = Array.from({ length: slots }, (_, slot) => createPlayer(stage, 'shop', slot, slots))
for (const player of players) {
  player.deploy([
    binding({ id: 'order-placed', on: ['order.*'] }),
    binding({ id: 'audit', on: ['push'] }),
  ])
  player.epoch()
}

const store = openSqliteStore({ file })
const stream = { name: 'JOURNAL_g1', createdAt: '2026-01-01T00:00:00Z' }
const folder = await openFolder({ store, hash: sha256, stream, truncated: false })
const spent = { wallMs: 0, userMs: 0, systemMs: 0 }
const curve: { dispatches: number; usPerDispatch: number }[] = []
let bundles = 0
let bytes = 0
let done = 0
const chunk = 20_000
while (done < dispatches) {
  for (let n = 0; n < chunk; n += perBundle * slots) for (const player of players) round(player)
  const messages = stage.journal.splice(0)
  stage.events.clear()
  bundles += messages.length
  bytes += messages.reduce((sum, message) => sum + message.bytes.length, 0)
  const before = spent.wallMs
  await timed(messages)
  done += chunk
  curve.push({ dispatches: done, usPerDispatch: round1(((spent.wallMs - before) * 1000) / chunk) })
}
const { length } = folder.partitions()
await store[Symbol.asyncDispose]()

const seconds = spent.wallMs / 1000
console.log(
  JSON.stringify({
    bench: 'projector',
    dispatches: done,
    partitions: length,
    dispatchesPerSecond: Math.round(done / seconds),
    bundlesPerSecond: Math.round(bundles / seconds),
    cpuUsPerDispatch: round1(((spent.userMs + spent.systemMs) * 1000) / done),
    systemUsPerDispatch: round1((spent.systemMs * 1000) / done),
    entriesPerBundle: round1((done * 2) / bundles),
    journalBytesPerDispatch: Math.round(bytes / done),
    storeBytesPerDispatch: Math.round(statSync(file).size / done),
    batchEntries,
    lastUsPerDispatch: curve.at(-1)?.usPerDispatch,
    ...(process.env['CURVE'] && { curve }),
  }),
)
for (const end of ['', '-wal', '-shm', '.lock']) rmSync(file + end, { force: true })

/** A bundle that starts dispatches, then one with their results. */
function round(player: Player): void {
  for (let n = 0; n < perBundle; n++) {
    player.send({ type: 'order.placed', subject: `order/${stage.seqs.get('EVENTS_g1')}` })
  }
  stage.now += 1
  player.commit()
  for (const effect of player.pending.slice()) {
    player.answer(effect, { status: 'succeeded', output: { ok: true }, sent: [], ms: 1 })
  }
  player.commit()
}

async function timed(messages: readonly Stored[]): Promise<void> {
  const perBatch = Math.max(1, Math.floor(batchEntries / perBundle))
  const cpu = process.cpuUsage()
  const begun = performance.now()
  for (let at = 0; at < messages.length; at += perBatch) {
    const { halted } = await folder.fold(messages.slice(at, at + perBatch))
    if (halted[0]) throw halted[0].cause
  }
  spent.wallMs += performance.now() - begun
  const { user, system } = process.cpuUsage(cpu)
  spent.userMs += user / 1000
  spent.systemMs += system / 1000
}

function round1(value: number): number {
  return Math.round(value * 10) / 10
}
