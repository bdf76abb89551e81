import { describe, expect, test } from 'vitest'
import {
  apply,
  bucketsCount,
  createPartition,
  encodeBuckets,
  freeze,
  nextDue,
  restorePartition,
  snapshotHash,
  type Bucket,
  type Fact,
  type Partition,
} from '../../src/index.ts'
import type { Dedupe } from '../../src/partition/dedupe.ts'
import { pop, schedule, type Timers } from '../../src/partition/timers.ts'
import { attempt, failed, ok, ready } from './story.ts'
import {
  answer,
  beginEpoch,
  binding,
  cancelLetter,
  deploy,
  hash,
  partitionId,
  sendEvent,
  type World,
} from './world.ts'

const hourMs = 3_600_000

/** A partition with something of everything in it. */
function rich(): World {
  const world = ready()
  deploy(world, [binding(), binding({ id: 'audit', on: ['push'] })])
  sendEvent(world, { key: 'ended' })
  answer(world, attempt(world), ok)
  world.now += hourMs
  sendEvent(world, { key: 'dead' })
  answer(world, attempt(world), failed({ class: 'permanent' }))
  sendEvent(world, { key: 'retrying', tenant: 'acme', bindingKey: 'share' })
  answer(world, attempt(world), failed())
  sendEvent(world, { key: 'asking', verdict: 'ask' })
  sendEvent(world, { key: 'no code' })
  answer(world, attempt(world), { status: 'unhosted' })
  sendEvent(world, { key: 'running', type: 'push' })
  world.take({
    kind: 'result',
    effect: 'checkpoint',
    result: {
      status: 'checkpointed',
      position: 9,
      number: 4,
      hash: hash.text('b'),
      snapshot: 's4',
    },
  })
  take(world, [queued('billing', 2, 1), queued('billing', 2, 2), queued('triage', 0, 1)])
  beginEpoch(world)
  cancelLetter(world, { kind: 'filter', binding: 'ghost' })
  return world
}

function take(world: World, facts: readonly Fact[]): void {
  const entry = { at: world.now, input: { kind: 'tick' as const }, facts: [...facts], effects: [] }
  apply(world.partition, entry, hash.text('taken'))
}

const queued = (app: string, slot: number, number: number): Fact => ({
  kind: 'letter.queued',
  to: { app, slot, lane: 'ask' },
  number,
  letter: {
    v: 1,
    id: `l${number}`,
    from: { kind: 'partition', id: 'triage/0', number },
    body: { kind: 'cancel', target: { kind: 'filter' }, by: 'us', reason: 'why' },
  },
})

const bucketsOf = (partition: Partition): Bucket[] =>
  [...encodeBuckets(hash, freeze(partition))].filter((bucket) => bucket !== undefined)
const bytesOf = (partition: Partition): Uint8Array[] =>
  bucketsOf(partition).map(({ bytes }) => bytes)
const restored = (partition: Partition): Partition =>
  restorePartition(partitionId, hash, bytesOf(partition))

/** The due ones, in order; moot ones are the heap's own affair. */
function timersOf({ timers }: Partition): string[] {
  const copy: Timers = { size: timers.size, ats: [...timers.ats], ids: [...timers.ids] }
  const found: string[] = []
  for (let next = pop(copy); next; next = pop(copy)) found.push(`${next.at} ${next.id}`)
  return found
}

/** Within a block the order in which ids came decides nothing: a block is forgotten whole. */
const inNoOrder = ({ blocks, ...dedupe }: Dedupe) => ({
  ...dedupe,
  blocks: blocks.map(({ hour, ids, digests }) => ({
    hour,
    ids: ids.map((id, at) => `${id} ${digests[at]}`).sort(),
  })),
})

describe('a snapshot', () => {
  test('restores all that the partition knew, and what follows from it', () => {
    const { partition } = rich()
    const again = restored(partition)
    const { timers: _, actors, routes, ...known } = again
    const { timers: __, actors: ___, routes: ____, ...expected } = partition
    const settled = { seen: inNoOrder(known.seen), ended: inNoOrder(known.ended) }
    expect({ ...known, ...settled }).toEqual({
      ...expected,
      seen: inNoOrder(expected.seen),
      ended: inNoOrder(expected.ended),
    })
    expect([...known.dispatches.keys()]).toEqual([...expected.dispatches.keys()])
    expect([actors.size, routes.size]).toEqual([0, 0])
    const states = [...known.dispatches.values()].map(({ record }) => record.state)
    expect(states).toEqual(['retryWait', 'predicate', 'waiting', 'attempting'])
    expect([known.orphans.size, known.hosted.size]).toEqual([2, 1])
    expect([known.dead.size, known.bulk.size, known.outbox.size]).toEqual([1, 1, 2])
    expect(known.checkpoint?.snapshot).toBe('s4')
    expect(known.seen.blocks.map(({ ids }) => ids.length)).toEqual([1, 5])
    expect(nextDue(again)).toBe(0)
  })

  test('sets the timer of each open dispatch, and no other', () => {
    const { partition } = rich()
    const due = [...partition.dispatches.values()].map(
      ({ id, record }) =>
        `${Math.min(...Object.values(record.timers).filter((at) => at !== undefined))} ${id}`,
    )
    expect(timersOf(restored(partition))).toEqual(
      due.toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10) || (a < b ? -1 : 1)),
    )
  })

  test('is of the moment at which it was frozen, whatever the partition does meanwhile', () => {
    const world = rich()
    const before = bucketsOf(world.partition)
    const frozen = freeze(world.partition)
    for (let sent = 0; sent < 20; sent++) {
      sendEvent(world)
      answer(world, attempt(world), sent % 2 === 0 ? ok : failed({ class: 'permanent' }))
    }
    world.now += 30 * 24 * hourMs
    sendEvent(world)
    expect([...encodeBuckets(hash, frozen)].filter((bucket) => bucket !== undefined)).toEqual(
      before,
    )
  })

  test('has a head and a bucket for each first byte of an id, each with its hash', () => {
    const world = rich()
    for (let sent = 0; sent < 50; sent++) sendEvent(world)
    const buckets = bucketsOf(world.partition)
    expect(buckets.map(({ index }) => index)).toEqual(
      Array.from({ length: bucketsCount }, (_, index) => index),
    )
    for (const { bytes, hash: digest } of buckets) expect(digest).toBe(hash.bytes(bytes))
    for (const id of [
      ...world.partition.dispatches.keys(),
      ...world.partition.seen.digests.keys(),
    ]) {
      const holders = buckets.filter(({ bytes }) => Buffer.from(bytes).includes(id))
      const first = Number.parseInt(id.split('-')[2]?.slice(0, 2) ?? '', 16)
      expect(holders.map(({ index }) => index)).toContain(1 + first)
    }
    const all = buckets.map((bucket) => bucket.hash)
    expect(snapshotHash(hash, all)).not.toBe(snapshotHash(hash, all.toReversed()))
  })

  test('pauses again and again while it hands out what is many', () => {
    const partition = createPartition(partitionId, hash)
    const block = { hour: 1, ids: [] as string[], digests: [] as string[] }
    for (let id = 0; id < 50_000; id++) {
      block.ids.push(`1-0-${hash.text(`${id}`).slice(0, 32)}`)
      block.digests.push('d')
    }
    const frozen = { ...freeze(partition), seen: [{ ...block, size: 50_000 }] }
    const given = [...encodeBuckets(hash, frozen)]
    const pauses = given.filter((bucket) => bucket === undefined).length
    // Two in the middle of the 50,000 and one after their block; none without a reason.
    expect(pauses).toBe(3)
    expect(given.filter((bucket) => bucket !== undefined)).toHaveLength(bucketsCount)
  })
})

describe('what encodeBuckets did not make is refused', () => {
  test('by the number of its buckets', () => {
    const whole = bytesOf(rich().partition)
    for (const buckets of [[], whole.slice(1), whole.slice(0, -1), [...whole, whole[1]]]) {
      expect(() => restorePartition(partitionId, hash, buckets as Uint8Array[])).toThrow(
        `a snapshot has 257 buckets, this one ${buckets.length}`,
      )
    }
  })

  test('by whose it is', () => {
    const whole = bytesOf(rich().partition)
    for (const other of [{ app: 'billing' }, { generation: 2 }, { slot: 1 }]) {
      expect(() => restorePartition({ ...partitionId, ...other }, hash, whole)).toThrow(
        /^a snapshot of triage\/0 is not one of /,
      )
    }
  })

  test('by what is in it', () => {
    const whole = bytesOf(rich().partition)
    for (const at of [0, 1, 256]) {
      expect(() =>
        restorePartition(partitionId, hash, whole.with(at, new Uint8Array([0xc1]))),
      ).toThrow(/codec/)
      expect(() =>
        restorePartition(partitionId, hash, whole.with(at, new Uint8Array([0x80]))),
      ).toThrow()
    }
  })
})

test('moot timers are no more than twice the open dispatches and some', () => {
  const world = ready({ retry: { kind: 'immediate', maxAttempts: 1000, jitter: 'none' } })
  sendEvent(world, { key: 'busy' })
  sendEvent(world, { key: 'quiet' })
  const quiet = [...world.partition.dispatches.keys()].at(-1) ?? ''
  const { timers } = world.partition
  for (let moot = 0; moot < 5000; moot++) schedule(timers, world.now + 20_000, `moot ${moot}`)
  expect(timers.size).toBeGreaterThan(5000)
  const running = world.pending[0]
  if (!running) throw new Error('nothing runs')
  answer(world, running, { status: 'parked' })
  expect(timersOf(world.partition)).toEqual([
    `${world.now} ${running.kind === 'runAttempt' ? running.dispatch : ''}`,
    `${world.now + 30_000} ${quiet}`,
  ])
})
