import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  candidates,
  createPartition,
  decode,
  dispatchIdOf,
  entry as entrySchema,
  equalBytes,
  owed,
  step,
  type Entry,
  type InputRef,
  type Manifest,
  type Partition,
} from '../src/index.ts'
import {
  audit,
  catchUp,
  createWorld,
  deploy,
  keepSnapshot,
  label,
  pause,
  rebuilt,
  resume,
  send,
  take,
  takeOver,
  type Sent,
  type World,
} from './pause-world.ts'
import { stateOf } from './state.ts'
import { tries } from './tries.ts'
import { hash, partitionId } from './partition/world.ts'

type Act =
  | { readonly act: 'send'; readonly sent: Sent }
  | { readonly act: 'pause' | 'resume'; readonly binding: string | undefined }
  | { readonly act: 'read'; readonly most: number }
  | { readonly act: 'deploy'; readonly pick: number }
  | { readonly act: 'wait'; readonly ms: number }
  | { readonly act: 'takeover'; readonly fromSnapshot: boolean }
  | { readonly act: 'snapshot' }

const which = fc.constantFrom(undefined, 'label', 'audit')
const act = <A extends Act['act'], T extends object>(
  weight: number,
  name: A,
  of: { [K in keyof T]: fc.Arbitrary<T[K]> },
) => ({ weight, arbitrary: fc.record({ act: fc.constant(name), ...of }) as fc.Arbitrary<Act> })

const acts: fc.Arbitrary<readonly Act[]> = fc.array(
  fc.oneof(
    act(12, 'send', {
      sent: fc.record(
        {
          type: fc.constantFrom('issue.opened', 'issue.closed', 'push'),
          key: fc.constantFrom('a', 'b', 'c', 'd'),
          verdict: fc.constantFrom('matched', 'matched', 'filtered', 'error'),
        },
        { requiredKeys: ['type', 'verdict'] },
      ),
    }),
    act(3, 'pause', { binding: which }),
    act(4, 'resume', { binding: which }),
    act(4, 'read', { most: fc.constantFrom(1, 1, 2, 5, 100) }),
    act(1, 'deploy', { pick: fc.nat(3) }),
    act(1, 'wait', { ms: fc.constantFrom(1, 3_600_000, 90_000_000) }),
    act(2, 'takeover', { fromSnapshot: fc.boolean() }),
    act(1, 'snapshot', {}),
  ),
  { maxLength: 60, size: 'max' },
)

/** Versions of the app: other types, another binding, one that is gone. */
function versions(): readonly (readonly Manifest[])[] {
  const first = label()
  const narrow = label({ version: 2, on: ['issue.opened'] })
  const wide = label({ version: 3, on: ['>'] })
  return [[first, audit()], [narrow, audit()], [wide], [wide, audit({ version: 2 })]]
}

function live(script: readonly Act[]): World {
  const world = createWorld(label(), audit())
  for (const one of script) perform(world, one)
  return world
}

function perform(world: World, one: Act): void {
  switch (one.act) {
    case 'send':
      return void send(world, one.sent)
    case 'pause':
      return void pause(world, one.binding)
    case 'resume':
      return void resume(world, one.binding)
    case 'read':
      return void catchUp(world, one.most)
    case 'deploy':
      return void deploy(world, ...(versions()[one.pick] ?? []))
    case 'wait':
      world.now += one.ms
      return
    case 'takeover':
      return takeOver(world, one.fromSnapshot)
    case 'snapshot':
      return keepSnapshot(world)
    default:
      return one satisfies never
  }
}

function end(world: World): void {
  for (const id of world.partition.pauses.keys()) resume(world, id === '*' ? undefined : id)
  catchUp(world)
}

/** What each binding was given, in the order of the journal; and what it should have been. */
interface Given {
  readonly places: string[]
  readonly started: string[]
}

/** By the journal alone, as an outsider reads it: who was on an event's type when it came. */
function readJournal(world: World): { owing: Map<string, string[]>; given: Map<string, Given> } {
  const owing = new Map<string, string[]>()
  const given = new Map<string, Given>()
  const partition = createPartition(partitionId, hash)
  const of = (id: string): Given => {
    const known = given.get(id) ?? { places: [], started: [] }
    given.set(id, known)
    return known
  }
  for (const { entry, bytes } of world.stepped) {
    for (const [id, place] of wanting(partition, entry)) {
      owing.set(id, [...(owing.get(id) ?? []), place])
    }
    for (const [id, place] of givenIn(entry)) of(id).places.push(place)
    for (const [id, place] of begun(entry)) of(id).started.push(place)
    step(partition, entrySchema.parse(decode(bytes)).input, entry.at)
  }
  return { owing, given }
}

type AtPlace = [binding: string, place: string]

function wanting(partition: Partition, { input, facts }: Entry): AtPlace[] {
  if (input.kind !== 'event' || facts[0]?.kind !== 'event.seen') return []
  const place = placeOf(input.ref)
  return candidates(partition, input.head.type).map(({ id }) => [id, place])
}

function givenIn({ input, facts }: Entry): AtPlace[] {
  if (input.kind === 'held') {
    return input.verdicts.map(({ binding }) => [idOf(binding), placeOf(input.place)])
  }
  if (input.kind !== 'event' || facts[0]?.kind !== 'event.seen') return []
  const at = input.verdicts.filter(({ result }) => result !== 'paused')
  return at.map(({ binding }) => [idOf(binding), placeOf(input.ref)])
}

const placeOf = ({ seq, index }: InputRef): string => `${seq}/${index}`
const idOf = (key: string): string => key.slice(0, key.lastIndexOf('@'))

function begun({ facts, input }: Entry): AtPlace[] {
  return facts.flatMap((fact): AtPlace[] => {
    if (fact.kind !== 'transition' || !fact.origin) return []
    const { ref, binding, event } = fact.origin
    const place = placeOf(ref)
    const id = idOf(binding)
    // The same id whichever way the event came.
    const { app } = partitionId
    expect(fact.dispatch).toBe(dispatchIdOf({ hash, app, binding: id, event, place, rerun: 0 }))
    expect(['event', 'held']).toContain(input.kind)
    return [[id, place]]
  })
}

const runs = tries(300)

test('every event is given to every binding that was on its type once, and in its order', () => {
  fc.assert(
    fc.property(acts, (script) => {
      const world = live(script)
      end(world)
      const { owing, given } = readJournal(world)
      expect(owed(world.partition)).toBeUndefined()
      expect(world.partition.held.size).toBe(0)
      expect(world.partition.passed).toEqual([])
      for (const [id, places] of owing) expect(given.get(id)?.places, id).toEqual(places)
      const verdicts = new Map(
        world.stream.map(({ place, verdict }) => [`${place.seq}/${place.index}`, verdict]),
      )
      for (const [id, { places, started }] of given) {
        expect(new Set(started).size, id).toBe(started.length)
        // In the order of the stream; what is not started was filtered, or is wanted no more.
        expect(places.filter((place) => started.includes(place))).toEqual(started)
        for (const place of started) expect(verdicts.get(place)).toBe('matched')
      }
      const quarantined = world.stepped.filter(({ entry }) => entry.input.kind === 'quarantined')
      expect(quarantined).toEqual([])
    }),
    runs,
  )
})

test('under one version, what a binding starts is the same with pauses and without', () => {
  const plain = (one: Act): boolean => one.act === 'send' || one.act === 'wait'
  fc.assert(
    fc.property(acts, (script) => {
      const kept = script.filter((one) => one.act !== 'deploy' && one.act !== 'wait')
      const paused = live(kept)
      end(paused)
      const direct = live(kept.filter(plain))
      const startedIn = (world: World) =>
        [...readJournal(world).given].map(([id, { started }]) => [id, started])
      expect(new Map(startedIn(paused) as [string, string[]][])).toEqual(
        new Map(startedIn(direct) as [string, string[]][]),
      )
      expect([...paused.partition.dispatches.keys()].sort()).toEqual(
        [...direct.partition.dispatches.keys()].sort(),
      )
    }),
    runs,
  )
})

test('nothing is started for a binding while it is paused', () => {
  fc.assert(
    fc.property(acts, (script) => {
      const world = live(script)
      const partition = createPartition(partitionId, hash)
      for (const { entry } of world.stepped) {
        const { pauses } = partition
        for (const [id] of begun(entry)) {
          expect(pauses.has(id) || pauses.has('*')).toBe(false)
        }
        step(partition, entry.input, entry.at)
      }
    }),
    runs,
  )
})

test('a fold, a snapshot and a replay come to what was stepped', () => {
  fc.assert(
    fc.property(acts, (script) => {
      const world = live(script)
      const state = stateOf(world.partition)
      expect(stateOf(rebuilt(world, false))).toBe(state)
      expect(stateOf(rebuilt(world, true))).toBe(state)
      const again = createPartition(partitionId, hash)
      for (const { entry, bytes } of world.stepped) {
        const { input } = entrySchema.parse(decode(bytes))
        expect(equalBytes(step(again, input, entry.at).bytes, bytes)).toBe(true)
      }
      expect(stateOf(again)).toBe(state)
    }),
    runs,
  )
})

test('what is remembered of a pause does not grow with what it holds', () => {
  const world = createWorld(label())
  pause(world, 'label')
  const sizeOf = (): number => JSON.stringify([...world.partition.held]).length
  send(world)
  const one = sizeOf()
  for (let n = 0; n < 500; n++) send(world)
  expect(sizeOf()).toBeLessThan(one + 20)
  // And a held event that is a host's mistake releases nothing that is paused.
  const [lying] = world.stream
  if (!lying) throw new Error('nothing was sent')
  const { place, head, bytes } = lying
  const verdicts = [{ binding: 'label@v1', result: 'matched' as const }]
  const { entry } = take(world, { kind: 'held', place, head, verdicts, bytes })
  expect(entry.facts).toMatchObject([
    { kind: 'quarantined' },
    { kind: 'event.released', bindings: [] },
  ])
  expect(world.partition.held.get('label')?.runs[0]?.events).toBe(501)
})
