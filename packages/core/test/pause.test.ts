import { expect, test } from 'vitest'
import { eventsIn, firstHeld, owed } from '../src/index.ts'
import {
  audit,
  catchUp,
  createWorld,
  deploy,
  keepSnapshot,
  label,
  pause,
  resume,
  send,
  started,
  take,
  takeOver,
  type World,
} from './pause-world.ts'

/*
 * Rule 2.5, as stories. Events lie two to a message: 1/0, 1/1, 2/0 ...
 */

const heldBy = ({ partition }: World, id: string): number => {
  const found = partition.held.get(id)
  return found ? eventsIn(found) : 0
}

test('2.5 a paused binding starts nothing; the others go on, and the verdict says why', () => {
  const world = createWorld(label(), audit())
  send(world)
  pause(world, 'label')
  const { entry } = send(world)
  expect(entry.input).toMatchObject({
    verdicts: [
      { binding: 'audit@v1', result: 'matched' },
      { binding: 'label@v1', result: 'paused' },
    ],
  })
  expect(started(world)).toEqual(['audit@v1 1/0', 'label@v1 1/0', 'audit@v1 1/1'])
})

test('2.5 what was held is given in order after the resume, and before what is newer', () => {
  const world = createWorld(label())
  pause(world, 'label')
  for (let n = 0; n < 4; n++) send(world)
  resume(world, 'label')
  catchUp(world, 2)
  send(world)
  expect(started(world)).toEqual(['label@v1 1/0', 'label@v1 1/1'])
  catchUp(world)
  send(world)
  expect(started(world)).toEqual(
    ['1/0', '1/1', '2/0', '2/1', '3/0', '3/1'].map((place) => `label@v1 ${place}`),
  )
  expect(world.partition.held.size).toBe(0)
})

test('2.5 a resume with nothing held is over at once', () => {
  const world = createWorld(label())
  pause(world, 'label')
  resume(world, 'label')
  expect(owed(world.partition)).toBeUndefined()
  send(world)
  expect(started(world)).toEqual(['label@v1 1/0'])
})

test('2.5 a held event gets the id that it would have had', () => {
  const direct = createWorld(label())
  send(direct)
  const later = createWorld(label())
  pause(later, 'label')
  send(later)
  resume(later, 'label')
  catchUp(later)
  const ids = ({ partition }: World): string[] => [...partition.dispatches.keys()]
  expect(ids(later)).toEqual(ids(direct))
})

test('2.5 the app’s pause holds every binding, also one that is deployed while it lasts', () => {
  const world = createWorld(label())
  pause(world)
  send(world)
  deploy(world, label(), audit())
  send(world)
  expect(started(world)).toEqual([])
  resume(world)
  catchUp(world)
  expect(started(world)).toEqual(['label@v1 1/0', 'audit@v1 1/1', 'label@v1 1/1'])
})

test('2.5 the app’s resume leaves a binding paused that was paused by itself', () => {
  const world = createWorld(label(), audit())
  pause(world, 'label')
  pause(world)
  send(world)
  resume(world)
  catchUp(world)
  expect(started(world)).toEqual(['audit@v1 1/0'])
  resume(world, 'label')
  catchUp(world)
  expect(started(world)).toEqual(['audit@v1 1/0', 'label@v1 1/0'])
})

test('2.5 paused again in the middle, it goes on from there at the next resume', () => {
  const world = createWorld(label())
  pause(world, 'label')
  for (let n = 0; n < 3; n++) send(world)
  resume(world, 'label')
  catchUp(world, 1)
  pause(world, 'label')
  send(world)
  expect(catchUp(world)).toBe(0)
  resume(world, 'label')
  catchUp(world)
  expect(started(world)).toEqual(['1/0', '1/1', '2/0', '2/1'].map((place) => `label@v1 ${place}`))
})

test.each([
  ['pause', undefined, 'the app is paused already', pause],
  ['pause', 'label', 'label is paused already', pause],
  ['pause', 'ghost', 'there is no binding ghost', pause],
  ['resume', 'audit', 'audit is not paused by itself, the app is', resume],
] as const)('2.5 a %s of %s that changes nothing is refused: %s', (_, id, reason, order) => {
  const world = createWorld(label(), audit())
  pause(world)
  pause(world, 'label')
  const number = world.partition.definitions + 1
  expect(order(world, id).entry.facts).toEqual([{ kind: 'def.refused', number, reason }])
  // It had its turn: the next change is the next one.
  expect(resume(world).entry.facts).toEqual([{ kind: 'def.applied', number: number + 1 }])
  expect(resume(world).entry.facts).toMatchObject([{ reason: 'the app is not paused' }])
  expect(resume(world, 'audit').entry.facts).toMatchObject([{ reason: 'audit is not paused' }])
})

test('7.9 a change of a limit that there is not takes its turn: deploys go on after it', () => {
  const world = createWorld(label())
  const ref = { stream: 'DEFS', seq: 2, index: 0, hash: 'a'.repeat(64) }
  world.changes = 2
  const head = { v: 1, app: 'triage', number: 2, at: 1, by: 'ann' } as const
  const change = { ...head, kind: 'limit', reason: 'typo', limit: 'label/concurency', rule: null }
  expect(take(world, { kind: 'def', ref, change } as never).entry.facts).toEqual([
    { kind: 'def.refused', number: 2, reason: 'there is no limit label/concurency' },
  ])
  expect(deploy(world, label(), audit()).entry.facts).toEqual([{ kind: 'def.applied', number: 3 }])
})

test('1.4 a duplicate within the held range, or of what came before it, is given to nobody', () => {
  const world = createWorld(label())
  send(world, { key: 'before' })
  pause(world, 'label')
  send(world, { key: 'held' })
  send(world, { key: 'before' })
  send(world, { key: 'held' })
  send(world, { key: 'other' })
  resume(world, 'label')
  catchUp(world)
  expect(started(world)).toEqual(['1/0', '1/1', '3/0'].map((place) => `label@v1 ${place}`))
  expect(world.partition.passed).toEqual([])
})

test('1.4 held for longer than the dedupe window, each sighting is given once', () => {
  const world = createWorld(label())
  pause(world, 'label')
  send(world, { key: 'same' })
  world.now += 26 * 3_600_000
  take(world, { kind: 'tick' })
  send(world, { key: 'same' })
  send(world, { key: 'same' })
  resume(world, 'label')
  catchUp(world)
  expect(started(world)).toEqual(['1/0', '1/1'].map((place) => `label@v1 ${place}`))
})

test('12.3 an event that was quarantined when it came stays quarantined', () => {
  const world = createWorld(label())
  pause(world, 'label')
  send(world)
  const place = { stream: 'EVENTS_g1', seq: 1, index: 1, hash: 'b'.repeat(64) }
  const head = {
    ...(world.stream[0] as (typeof world.stream)[0]).head,
    id: `1-0-${'c'.repeat(32)}`,
  }
  // No verdict on a candidate: the step throws.
  take(world, { kind: 'event', ref: place, head, verdicts: [], bytes: 7 })
  world.stream.push({ place, head, bytes: 7, verdict: 'matched' })
  send(world)
  resume(world, 'label')
  catchUp(world)
  expect(started(world)).toEqual(['1/0', '2/0'].map((at) => `label@v1 ${at}`))
})

test('12.3 a held event on which the step throws is put aside, and the next one is given', () => {
  const world = createWorld(label())
  pause(world, 'label')
  send(world)
  send(world)
  resume(world, 'label')
  const [first] = world.stream
  if (!first) throw new Error('nothing was sent')
  const { place, head, bytes } = first
  const bad = [{ binding: 'label@v1', result: 'unjudged' as const }]
  const { entry } = take(world, { kind: 'held', place, head, verdicts: bad, bytes })
  expect(entry.facts).toMatchObject([
    { kind: 'quarantined' },
    { kind: 'event.released', seq: 1, index: 0, bindings: ['label'] },
  ])
  expect(entry.input).toMatchObject({ kind: 'quarantined', held: { place, bindings: ['label'] } })
  expect(world.partition.positions.get('EVENTS_g1')).toMatchObject({ seq: 1, index: 1 })
  catchUp(world)
  expect(started(world)).toEqual(['label@v1 1/1'])
})

test('2.5 events that are gone from the middle are missed, not skipped in silence', () => {
  const world = createWorld(label())
  pause(world, 'label')
  for (let n = 0; n < 3; n++) send(world)
  resume(world, 'label')
  catchUp(world, 1)
  world.stream.splice(1, 1)
  catchUp(world)
  expect(world.stepped.at(-1)?.entry.facts).toMatchObject([
    { kind: 'quarantined', reason: expect.stringMatching(/1 events before .* were passed over/) },
    { kind: 'event.released' },
  ])
})

test('2.2 and 2.5 a deploy keeps the pause; what was held goes to the version active by then', () => {
  const world = createWorld(label())
  pause(world, 'label')
  send(world, { type: 'issue.opened' })
  send(world, { type: 'issue.closed' })
  const next = label({ version: 2, on: ['issue.opened', 'push'] })
  deploy(world, next)
  send(world, { type: 'push' })
  expect(started(world)).toEqual([])
  resume(world, 'label')
  catchUp(world)
  // issue.closed was held for v1; v2 is not on it any more.
  expect(started(world)).toEqual(['label@v2 1/0', 'label@v2 2/0'])
  expect(world.stepped.at(-2)?.entry.input).toMatchObject({
    kind: 'held',
    verdicts: [{ binding: 'label@v2', result: 'filtered' }],
  })
})

test('2.5 a version on more types is not given those that came before it', () => {
  const world = createWorld(label({ on: ['issue.opened'] }))
  pause(world, 'label')
  send(world, { type: 'issue.opened' })
  send(world, { type: 'push' })
  send(world, { type: 'issue.opened' })
  deploy(world, label({ version: 2, on: ['>'] }))
  send(world, { type: 'push' })
  resume(world, 'label')
  catchUp(world)
  expect(started(world)).toEqual(['1/0', '2/0', '2/1'].map((place) => `label@v2 ${place}`))
})

test('2.5 a version that was away in between is not given what came meanwhile', () => {
  const all = label()
  const world = createWorld(all)
  pause(world, 'label')
  send(world, { type: 'issue.closed' })
  deploy(world, label({ version: 2, on: ['issue.opened'] }))
  send(world, { type: 'issue.closed' })
  deploy(world, all)
  send(world, { type: 'issue.closed' })
  resume(world, 'label')
  catchUp(world)
  expect(started(world)).toEqual(['label@v1 1/0', 'label@v1 2/0'])
})

test('2.5 a binding that is deployed no more still gets what it was owed, in its last version', () => {
  const world = createWorld(label(), audit())
  pause(world, 'label')
  send(world)
  deploy(world, audit())
  send(world)
  resume(world, 'label')
  catchUp(world)
  expect(started(world)).toEqual(['audit@v1 1/0', 'audit@v1 1/1', 'label@v1 1/0'])
})

test('2.5 what runs when the pause comes goes on to its end', () => {
  const world = createWorld(label())
  send(world)
  pause(world, 'label')
  const [dispatch] = world.partition.dispatches.values()
  take(world, {
    kind: 'result',
    effect: dispatch?.record.effect ?? '',
    result: { status: 'succeeded', sent: [], ms: 1 },
  })
  expect(world.partition.dispatches.size).toBe(0)
  expect(world.partition.ended.digests.size).toBe(1)
})

test('1.5 a chain that is too deep is held too, and refused when it is given', () => {
  const world = createWorld(label({ maxChainDepth: 0 }))
  pause(world, 'label')
  send(world)
  const lying = world.stream.pop()
  if (!lying) throw new Error('nothing was sent')
  const head = { ...lying.head, chain: { ...lying.head.chain, depth: 1 } }
  resume(world, 'label')
  const verdicts = [{ binding: 'label@v1', result: 'unjudged' as const }]
  take(world, { kind: 'held', place: lying.place, head, verdicts, bytes: lying.bytes })
  expect([...world.partition.dead.values()]).toMatchObject([{ reason: 'loop' }])
})

test('2.5 the record says what is held: since when, how many, how many bytes, from where', () => {
  const world = createWorld(label())
  send(world)
  pause(world, 'label')
  expect(firstHeld(world.partition)).toBeUndefined()
  world.now += 500
  send(world)
  send(world)
  expect(heldBy(world, 'label')).toBe(2)
  expect(world.partition.held.get('label')).toEqual({
    stream: 'EVENTS_g1',
    bytes: 101 + 102,
    runs: [
      {
        binding: 'label@v1',
        definitions: 2,
        since: 1_000_500,
        from: [1, 1],
        to: [2, 0],
        events: 2,
      },
    ],
  })
  expect(world.partition.pauses.get('label')).toEqual({
    since: 1_000_000,
    by: 'ann',
    reason: 'night',
  })
  expect(firstHeld(world.partition)).toEqual({ stream: 'EVENTS_g1', seq: 1 })
})

test.each([false, true])(
  '2.5 whoever takes over in the middle goes on where the record ends (from a snapshot: %s)',
  (fromSnapshot) => {
    const world = createWorld(label())
    pause(world, 'label')
    for (let n = 0; n < 4; n++) send(world, { key: n === 2 ? 'e1' : `e${n}` })
    resume(world, 'label')
    catchUp(world, 1)
    keepSnapshot(world)
    catchUp(world, 1)
    takeOver(world, fromSnapshot)
    catchUp(world)
    send(world)
    expect(started(world)).toEqual(['1/0', '1/1', '2/1', '3/0'].map((place) => `label@v1 ${place}`))
  },
)
