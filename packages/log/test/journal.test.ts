import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createMemoryServer,
  encodeBundle,
  openMemoryLog,
  sha256,
  streamNames,
  subjects,
  tail,
  walk,
  type BundleHeader,
  type JournalBundle,
  type JournalPosition,
} from '../src/index.ts'
import { topology } from './fixture/topology.ts'

const stream = streamNames(topology).journal
const names = subjects(topology)
const subject = names.journal('billing', 1)

const header = (number: number, prev: string | undefined): BundleHeader => ({
  v: 1,
  rules: 1,
  app: 'billing',
  generation: 1,
  slot: 1,
  epoch: 1,
  number,
  prev,
  instance: 'a',
  positions: {},
})

/** A journal of `length` good bundles, with other partitions' messages between them. */
async function journal(length: number) {
  const log = openMemoryLog({
    server: createMemoryServer({ topology, now: () => 7 }),
    hash: sha256,
  })
  let seq = 0
  let prev: string | undefined
  const add = async (change: Partial<BundleHeader> & { bytes?: Uint8Array } = {}) => {
    const { bytes: other, ...fields } = change
    const number = ++made
    const bytes = other ?? encodeBundle({ ...header(number, prev), ...fields }, [Uint8Array.of(1)])
    prev = sha256.bytes(bytes)
    const stored = await log.append(subject, bytes, seq)
    if (stored.kind === 'stored') seq = stored.seq
    await log.send(names.journal('other', 1), Uint8Array.of(0))
  }
  let made = 0
  while (made < length) await add()
  return { log, add }
}

async function collect(bundles: AsyncIterable<JournalBundle>): Promise<JournalBundle[]> {
  const all: JournalBundle[] = []
  for await (const bundle of bundles) all.push(bundle)
  return all
}

describe('walk', () => {
  test('gives every bundle in order, from the start or from after any of them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(12), fc.nat(11), async (length, skip) => {
        const { log } = await journal(length)
        const all = await collect(walk({ log, stream, subject }))
        expect(all.map(({ header: { number } }) => number)).toEqual(
          Array.from({ length }, (_, index) => index + 1),
        )
        const from = all[skip]
        if (!from) return
        const after: JournalPosition = { ...from, number: from.header.number }
        expect(await collect(walk({ log, stream, subject, after }))).toEqual(all.slice(skip + 1))
        expect(await tail(log, stream, subject)).toEqual(all.at(-1))
      }),
      { numRuns: 30 },
    )
  })

  test('begins where retention ended', async () => {
    const { log } = await journal(4)
    await log.purge(stream, subject, 5)
    const all = await collect(walk({ log, stream, subject }))
    expect(all.map(({ header: { number } }) => number)).toEqual([3, 4])
  })

  test('an empty journal has no bundles and no tail', async () => {
    const { log } = await journal(0)
    expect(await collect(walk({ log, stream, subject }))).toEqual([])
    expect(await tail(log, stream, subject)).toBeUndefined()
  })
})

describe('a broken chain is told before the bundle is handed out', () => {
  const broken = {
    'a hole': { number: 4 },
    'a number twice': { number: 2 },
    'another bundle before it': { prev: 'a'.repeat(64) },
    'no bundle before it': { prev: undefined },
    'a bundle of another slot': { slot: 2 },
    'a bundle of another app': { app: 'other' },
    'a bundle of another generation': { generation: 2 },
    'bytes that are no bundle': { bytes: Uint8Array.of(0xc1) },
  }
  test.each(Object.entries(broken))('%s', async (_name, change) => {
    const { log, add } = await journal(2)
    await add(change)
    const seen: number[] = []
    const walking = async () => {
      for await (const { seq } of walk({ log, stream, subject })) seen.push(seq)
    }
    await expect(walking()).rejects.toMatchObject({ name: 'ChainBroken', at: { subject, seq: 5 } })
    expect(seen).toEqual([1, 3])
  })

  test('a first bundle that names one before it', async () => {
    const { log, add } = await journal(0)
    await add({ prev: 'a'.repeat(64) })
    await expect(collect(walk({ log, stream, subject }))).rejects.toMatchObject({ at: { seq: 1 } })
  })

  test('a position whose hash is not the one the next bundle names', async () => {
    const { log } = await journal(3)
    const after = { seq: 1, number: 1, hash: 'b'.repeat(64) }
    const walking = collect(walk({ log, stream, subject, after }))
    await expect(walking).rejects.toMatchObject({ at: { number: 2, seq: 3 } })
  })
})
