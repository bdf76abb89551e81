import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  apply,
  createPartition,
  encodeBuckets,
  equalBytes,
  freeze,
  nextDue,
  restorePartition,
  step,
  type Bucket,
  type Partition,
} from '../../src/index.ts'
import { stateOf } from '../state.ts'
import { tries } from '../tries.ts'
import { acts, live, perform } from './acts.ts'
import {
  beginEpoch,
  binding,
  createWorld,
  decodeEntry,
  deploy,
  hash,
  partitionId,
  sendEvent,
  type World,
} from './world.ts'

const runs = tries(300)

/** Without the moments to pause between them. */
const bucketsOf = (partition: Partition): Bucket[] =>
  [...encodeBuckets(hash, freeze(partition))].filter((bucket) => bucket !== undefined)

function fold(world: World, count = world.stepped.length): Partition {
  const partition = createPartition(partitionId, hash)
  for (const { bytes, hash: head } of world.stepped.slice(0, count)) {
    apply(partition, decodeEntry(bytes), head)
  }
  return partition
}

function copy(partition: Partition): Partition {
  const buckets = bucketsOf(partition).map((bucket) => bucket.bytes)
  return restorePartition(partitionId, hash, buckets)
}

test('fold(journal) equals the live state', () => {
  fc.assert(
    fc.property(acts, (script) => {
      const world = createWorld()
      live(world, script)
      expect(stateOf(fold(world))).toBe(stateOf(world.partition))
    }),
    runs,
  )
})

test('stepping the recorded inputs yields the same entries, byte for byte', () => {
  fc.assert(
    fc.property(acts, (script) => {
      const world = createWorld()
      live(world, script)
      const again = createPartition(partitionId, hash)
      for (const { bytes } of world.stepped) {
        const { input, at } = decodeEntry(bytes)
        expect(equalBytes(step(again, input, at).bytes, bytes)).toBe(true)
      }
    }),
    runs,
  )
})

test('a partition restored from a snapshot goes on as the one that was never stopped', () => {
  fc.assert(
    fc.property(acts, fc.nat(), (script, cut) => {
      const world = createWorld()
      live(world, script)
      const at = cut % (world.stepped.length + 1)
      const restored = copy(fold(world, at))
      for (const { bytes } of world.stepped.slice(at)) {
        const { input, at: time } = decodeEntry(bytes)
        expect(equalBytes(step(restored, input, time).bytes, bytes)).toBe(true)
      }
      expect(stateOf(restored)).toBe(stateOf(world.partition))
    }),
    runs,
  )
})

test('a wait for code that began in this epoch is no leftover of it, restored or not', () => {
  const world = createWorld()
  live(world, [])
  sendEvent(world, { key: 'one' })
  perform(world, { act: 'answer', pick: 0, how: 7 })
  expect(nextDue(copy(world.partition))).toBe(nextDue(world.partition))
})

test('dropping live machines at any moment changes nothing', () => {
  fc.assert(
    fc.property(acts, (script) => {
      const kept = createWorld()
      const dropped = createWorld()
      live(kept, [])
      live(dropped, [])
      for (const act of script) {
        perform(kept, act)
        perform(dropped, act)
        dropped.partition.actors.clear()
      }
      expect(stateOf(dropped.partition)).toBe(stateOf(kept.partition))
    }),
    runs,
  )
})

test('every dispatch ends at most once, and its chain of entries is unbroken', () => {
  fc.assert(
    fc.property(acts, (script) => {
      const world = createWorld()
      live(world, script)
      const heads = new Map<string, { head: string; index: number; ended: boolean }>()
      for (const { entry, hash: head } of world.stepped) {
        for (const fact of entry.facts) {
          if (fact.kind !== 'transition') continue
          const before = heads.get(fact.dispatch)
          expect(before?.ended ?? false).toBe(false)
          expect(fact.prev).toBe(before?.head)
          expect(fact.index).toBe((before?.index ?? -1) + 1)
          const ended = fact.record.outcome !== undefined
          heads.set(fact.dispatch, { head, index: fact.index, ended })
        }
      }
    }),
    runs,
  )
})

test('a step that throws leaves no trace but the quarantine entry', () => {
  fc.assert(
    fc.property(acts, (script) => {
      const world = createWorld()
      live(world, script)
      deploy(world, [binding({ id: 'every', version: 99, on: ['>'] })])
      const twin = copy(world.partition)
      const { seqs } = world
      const seq = (seqs.get('EVENTS_g1') ?? 0) + 1
      const ref = { stream: 'EVENTS_g1', seq, index: 0, hash: hash.text('bad') }
      const head = {
        id: `1-0-${'f'.repeat(32)}`,
        type: 'push',
        source: 's',
        tenant: 't',
        time: 1,
        digest: 'd'.repeat(32),
        chain: { root: `1-0-${'f'.repeat(32)}`, depth: 0, path: [] },
      }
      // No verdict on a candidate: the host's mistake, noticed in the middle of the step.
      const done = world.take({ kind: 'event', ref, head, verdicts: [] })
      expect(done.entry.input.kind).toBe('quarantined')
      expect(done.entry.facts.map((fact) => fact.kind)).toEqual(['quarantined'])
      expect(done.entry.effects).toEqual([])
      expect(world.partition.dispatches.size).toBe(twin.dispatches.size)
      apply(twin, done.entry, done.hash)
      expect(stateOf(world.partition)).toBe(stateOf(twin))
    }),
    tries(100),
  )
})

test('a result on which the step throws dead-letters its dispatch, and only that', () => {
  const world = createWorld()
  deploy(world, [binding()])
  beginEpoch(world)
  sendEvent(world, { key: 'one' })
  sendEvent(world, { key: 'two' })
  const [first, second] = world.pending
  if (first?.kind !== 'runAttempt' || second?.kind !== 'runAttempt') throw new Error('no attempts')
  const output = 'x'.repeat(300_000)
  const done = world.take({
    kind: 'result',
    effect: first.id,
    result: { status: 'succeeded', output, sent: [], ms: 1 },
  })
  expect(done.entry.facts).toMatchObject([
    { kind: 'quarantined' },
    { kind: 'dispatch.quarantined', dispatch: first.dispatch, reason: 'poison' },
  ])
  expect([...world.partition.dispatches.keys()]).toEqual([second.dispatch])
  expect(world.partition.dead.has(first.dispatch)).toBe(true)
})

test('apply reaches nothing of XState', async () => {
  const { readFile } = await import('node:fs/promises')
  const seen = new Set<string>()
  async function walk(file: URL): Promise<void> {
    if (seen.has(file.href)) return
    seen.add(file.href)
    const source = await readFile(file, 'utf8')
    for (const [, type, from] of source.matchAll(
      /^(?:import|export) (type )?[^'"]*from '([^']+)'/gms,
    )) {
      if (type !== undefined) continue
      expect(from).not.toBe('xstate')
      if (from?.startsWith('.')) await walk(new URL(from, file))
    }
  }
  await walk(new URL('../../src/partition/apply.ts', import.meta.url))
  expect(seen.size).toBeGreaterThan(5)
})
