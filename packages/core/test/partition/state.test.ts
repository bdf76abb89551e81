import { describe, expect, test } from 'vitest'
import {
  apply,
  candidates,
  createPartition,
  isTaken,
  manifestOf,
  mustQuarantine,
  type Fact,
  type Input,
} from '../../src/index.ts'
import { attempt, failed, last, ok, ready } from './story.ts'
import {
  answer,
  beginEpoch,
  binding,
  createWorld,
  decodeEntry,
  deploy,
  hash,
  partitionId,
  refOf,
  sendEvent,
  settleTicks,
  type World,
} from './world.ts'

function take(world: World, ...facts: Fact[]): void {
  apply(world.partition, { at: world.now, input: { kind: 'tick' }, facts, effects: [] }, 'head')
}

type Deploy = Extract<Extract<Input, { kind: 'def' }>['change'], { kind: 'deploy' }>

function change(world: World, over: Partial<Deploy>): Fact | undefined {
  const { entry } = world.take({
    kind: 'def',
    ref: refOf(world, 'DEFS'),
    change: {
      v: 1,
      kind: 'deploy',
      app: 'triage',
      number: world.partition.definitions + 1,
      at: 1,
      by: 'test',
      manifests: [],
      active: [],
      eventsFrom: { stream: 'EVENTS_g1', seq: 0 },
      ...over,
    },
  })
  return entry.facts[0]
}

describe('the outbox', () => {
  const to = (slot: number) => ({ app: 'billing', slot, lane: 'ask' }) as const
  const queued = (slot: number, number: number): Fact => ({
    kind: 'letter.queued',
    to: to(slot),
    number,
    letter: {
      v: 1,
      id: `l${number}`,
      from: { kind: 'partition', id: 'triage/0', number },
      body: { kind: 'cancel', target: { kind: 'filter' }, by: 'us', reason: 'why' },
    },
  })
  const waiting = (world: World) =>
    [...world.partition.outbox].map(([key, { last: latest, queued: letters }]) => [
      key,
      latest,
      ...letters.map(({ number, letter }) => `${number} ${letter.id}`),
    ])

  test('keeps each receiver’s letters in order until they are sent, and goes on counting', () => {
    const world = ready()
    take(world, queued(1, 1), queued(2, 1), queued(1, 2), queued(1, 3))
    expect(waiting(world)).toEqual([
      ['billing/1/ask', 3, '1 l1', '2 l2', '3 l3'],
      ['billing/2/ask', 1, '1 l1'],
    ])
    take(world, { kind: 'letter.sent', to: to(1), number: 2 })
    take(world, { kind: 'letter.sent', to: to(2), number: 1 })
    take(world, { kind: 'letter.sent', to: to(3), number: 1 })
    expect(waiting(world)).toEqual([
      ['billing/1/ask', 3, '3 l3'],
      ['billing/2/ask', 1],
    ])
  })
})

describe('an entry that cannot be of this journal', () => {
  test('is refused: a transition of what never began', () => {
    const world = ready()
    sendEvent(world)
    const { origin: _, ...bare } = last(world)
    const dispatch = `1-0-${'0'.repeat(32)}`
    expect(() => take(world, { ...bare, dispatch, index: 3 })).toThrow(
      `transition 3 of ${dispatch}, which never began`,
    )
  })

  test('changes nothing: the end of what is not open', () => {
    const world = ready()
    const dispatch = `1-0-${'0'.repeat(32)}`
    take(world, { kind: 'dispatch.quarantined', dispatch, at: 1, reason: 'poison' })
    take(world, { kind: 'bulk.advanced', letter: 'l', cursor: 1, done: 1, ended: false })
    expect([world.partition.dead.size, world.partition.bulk.size]).toEqual([0, 0])
  })
})

describe('definitions', () => {
  test('are refused with the reason', () => {
    const world = ready()
    const ignored = (number: number, reason: string) => ({ kind: 'def.ignored', number, reason })
    expect(change(world, { app: 'billing' })).toEqual(ignored(2, 'it is for billing'))
    expect(change(world, { number: 7 })).toEqual(ignored(7, 'change 2 is the next one'))
    expect(change(world, { active: ['label@v1', 'ghost@v1'] })).toEqual(
      ignored(2, 'no manifest for ghost@v1'),
    )
    expect(world.partition.definitions).toBe(1)
  })

  test('replace the active set; what is not in it starts nothing any more', () => {
    const world = ready()
    expect(candidates(world.partition, 'issue.opened').map(({ id }) => id)).toEqual(['label'])
    deploy(world, [binding({ id: 'audit', on: ['push', 'issue.*'] })])
    expect(candidates(world.partition, 'issue.opened').map(({ id }) => id)).toEqual(['audit'])
    expect(candidates(world.partition, 'push').map(({ id }) => id)).toEqual(['audit'])
    expect(candidates(world.partition, 'pull')).toEqual([])
    expect([...world.partition.manifests.keys()]).toEqual(['label@v1', 'audit@v1'])
  })

  test('keep what a version was when it was first brought', () => {
    const world = ready()
    change(world, { manifests: [binding({ priority: 'low' })], active: ['label@v1'] })
    expect(world.partition.definitions).toBe(2)
    expect(manifestOf(world.partition, 'label@v1').priority).toBe('normal')
    expect(() => manifestOf(world.partition, 'ghost@v1')).toThrow(
      'no manifest for ghost@v1 in triage/0',
    )
  })

  test('say from where events are the app’s business: once, and not behind what was read', () => {
    const world = createWorld()
    const from = (seq: number) => ({ eventsFrom: { stream: 'EVENTS_g1', seq } })
    const ref = (seq: number, index = 0) => ({ stream: 'EVENTS_g1', seq, index, hash: '' })
    change(world, from(0))
    expect(world.partition.positions.has('EVENTS_g1')).toBe(false)
    change(world, from(5))
    expect(world.partition.positions.get('EVENTS_g1')).toMatchObject({ seq: 5, hash: '' })
    expect(isTaken(world.partition, ref(5, 9999))).toBe(true)
    expect(isTaken(world.partition, ref(6))).toBe(false)
    change(world, from(9))
    expect(isTaken(world.partition, ref(6))).toBe(false)
  })
})

describe('a position', () => {
  test('covers what is before it, and no other place or stream', () => {
    const world = ready()
    const { input } = sendEvent(world).entry
    if (input.kind !== 'event') throw new Error('not the event')
    const at = (seq: number, index: number, stream = 'EVENTS_g1') =>
      isTaken(world.partition, { stream, seq, index, hash: '' })
    world.take({ ...input, ref: { ...input.ref, seq: 4, index: 2 } })
    expect([at(3, 7), at(4, 1), at(4, 2)]).toEqual([true, true, true])
    expect([at(4, 3), at(5, 0), at(1, 0, 'MAIL_g1')]).toEqual([false, false, false])
    expect(world.partition.positions.get('EVENTS_g1')).toEqual({
      seq: 4,
      index: 2,
      hash: input.ref.hash,
    })
  })
})

describe('an epoch', () => {
  test('finds what ran, what asked, and what waits for code that is here now', () => {
    const world = ready()
    sendEvent(world, { key: 'runs' })
    sendEvent(world, { key: 'asks', verdict: 'ask' })
    sendEvent(world, { key: 'waits' })
    answer(world, attempt(world), { status: 'unhosted' })
    sendEvent(world, { key: 'retries' })
    answer(world, attempt(world), failed())
    const [runs, asks, waits] = [...world.partition.dispatches.keys()]
    beginEpoch(world)
    expect([...world.partition.orphans]).toEqual([runs, asks])
    expect([...world.partition.hosted]).toEqual([waits])
    expect([...world.partition.epoch.hosts]).toEqual([binding().hash])
    settleTicks(world)
    expect([world.partition.orphans.size, world.partition.hosted.size]).toEqual([0, 0])
  })

  test('of a host without the code leaves it waiting', () => {
    const world = ready()
    sendEvent(world)
    answer(world, attempt(world), { status: 'unhosted' })
    const { entry } = beginEpoch(world)
    if (entry.input.kind !== 'epoch') throw new Error('not an epoch')
    world.take({ ...entry.input, epoch: entry.input.epoch + 1, hosts: [] })
    expect([world.partition.orphans.size, world.partition.hosted.size]).toEqual([0, 0])
    expect(world.partition.epoch).toMatchObject({ number: 3, barren: 1, incarnation: 'i2' })
  })

  test('is barren when the one before took nothing; the first one never is', () => {
    const world = createWorld()
    expect(beginEpoch(world).entry.facts).toEqual([{ kind: 'epoch.began', barren: 0 }])
    for (const barren of [1, 2]) {
      expect(beginEpoch(world).entry.facts).toEqual([{ kind: 'epoch.began', barren }])
      expect(mustQuarantine(world.partition)).toBe(false)
    }
    beginEpoch(world)
    expect(mustQuarantine(world.partition)).toBe(true)
    world.take({ kind: 'tick' })
    expect(mustQuarantine(world.partition)).toBe(false)
    expect(beginEpoch(world).entry.facts).toEqual([{ kind: 'epoch.began', barren: 0 }])
  })
})

test('a fold forgets exactly what the live partition forgot', () => {
  const world = ready()
  sendEvent(world, { key: 'done' })
  answer(world, attempt(world), ok)
  sendEvent(world, { key: 'dead' })
  answer(world, attempt(world), failed({ class: 'permanent' }))
  for (const hours of [26, 31 * 24]) {
    world.now += hours * 3_600_000
    sendEvent(world)
    const fold = createPartition(partitionId, hash)
    for (const { bytes, hash: head } of world.stepped) apply(fold, decodeEntry(bytes), head)
    expect(fold.seen).toEqual(world.partition.seen)
    expect(fold.ended).toEqual(world.partition.ended)
    expect(fold.dead).toEqual(world.partition.dead)
  }
  expect(world.partition.seen.digests.size).toBe(1)
  expect([world.partition.ended.digests.size, world.partition.dead.size]).toEqual([0, 0])
})

describe('what is only there to save time', () => {
  test('a machine is kept while its attempt runs, no longer', () => {
    const world = ready()
    sendEvent(world)
    expect(world.partition.actors.size).toBe(1)
    answer(world, attempt(world), failed())
    expect(world.partition.actors.size).toBe(0)
    world.now += 1000
    settleTicks(world)
    expect(world.partition.actors.size).toBe(1)
    answer(world, attempt(world), ok)
    expect(world.partition.actors.size).toBe(0)
    sendEvent(world)
    beginEpoch(world)
    expect(world.partition.actors.size).toBe(0)
  })

  test('routes are found once a type, for at most so many types', () => {
    const world = ready()
    const found = candidates(world.partition, 'issue.opened')
    expect(candidates(world.partition, 'issue.opened')).toBe(found)
    for (let type = 1; type < 10_000; type++) candidates(world.partition, `issue.t${type}`)
    expect(world.partition.routes.size).toBe(10_000)
    expect(candidates(world.partition, 'issue.opened')).toBe(found)
    candidates(world.partition, 'issue.last')
    expect(world.partition.routes.size).toBe(1)
  })
})
