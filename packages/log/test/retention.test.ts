import { expect, test } from 'vitest'
import {
  createMemoryServer,
  openMemoryLog,
  readRetired,
  runRetention,
  sha256,
  streamNames,
  subjects,
} from '../src/index.ts'
import { topology } from './fixture/topology.ts'

const stream = streamNames(topology).journal
const to = (slot: number) => subjects(topology).journal('app', slot)

/** Slot 0 holds 1, 3, 5, 7; slot 1 holds 2, 4, 6, 8; slot 2 nothing. */
async function eight() {
  const log = openMemoryLog({
    server: createMemoryServer({ topology, now: () => 0 }),
    hash: sha256,
  })
  for (let n = 0; n < 8; n++) await log.send(to(n % 2), Uint8Array.of(n))
  const kept = async () => {
    const all = await Array.fromAsync(log.read({ stream, subjects: [], fromSeq: 1 }))
    return all.map(({ seq }) => seq)
  }
  return { log, kept }
}

test('purges below each floor, and never a last message', async () => {
  const { log, kept } = await eight()
  const floors = [
    { stream, subject: to(0), belowSeq: 4 },
    { stream, subject: to(1), belowSeq: 1000 },
    { stream, subject: to(2), belowSeq: 1000 },
  ]
  expect(await runRetention({ log, topology, floors })).toEqual([
    { stream, subject: to(0), belowSeq: 4, lastSeq: 7, purged: 2 },
    { stream, subject: to(1), belowSeq: 8, lastSeq: 8, purged: 3 },
    { stream, subject: to(2), belowSeq: 0, lastSeq: 0, purged: 0 },
  ])
  expect(await kept()).toEqual([5, 7, 8])
})

test('what goes is on record, the highest floor of a subject counts', async () => {
  const { log } = await eight()
  expect([...(await readRetired(log, topology))]).toEqual([])
  const floor = (belowSeq: number) => [{ stream, subject: to(0), belowSeq }]
  await runRetention({ log, topology, floors: floor(6), dryRun: true })
  expect([...(await readRetired(log, topology))]).toEqual([])
  await runRetention({ log, topology, floors: floor(5) })
  await runRetention({ log, topology, floors: floor(3) })
  expect([...(await readRetired(log, topology))]).toEqual([[to(0), 5]])
})

test('a dry run changes nothing and tells how much may go at most', async () => {
  const { log, kept } = await eight()
  const floors = [
    { stream, subject: to(0), belowSeq: 4 },
    { stream, subject: to(1), belowSeq: 1 },
  ]
  const [first, second] = await runRetention({ log, topology, floors, dryRun: true })
  expect(first).toMatchObject({ belowSeq: 4, lastSeq: 7, purged: 3 })
  expect(second).toMatchObject({ belowSeq: 1, lastSeq: 8, purged: 0 })
  expect(await kept()).toHaveLength(8)
})

test('ends with its signal between two subjects', async () => {
  const { log, kept } = await eight()
  const floors = [{ stream, subject: to(0), belowSeq: 4 }]
  await expect(
    runRetention({ log, topology, floors, signal: AbortSignal.abort() }),
  ).rejects.toThrow()
  expect(await kept()).toHaveLength(8)
})
