import {
  acceptEvent,
  apply,
  bindingKey,
  candidates,
  createPartition,
  encodeBuckets,
  freeze,
  headOf,
  holdersOf,
  holdsBack,
  owed,
  restorePartition,
  step,
  type EventHead,
  type Input,
  type InputRef,
  type Manifest,
  type Partition,
  type Stepped,
  type Verdict,
} from '../src/index.ts'
import { binding, decodeEntry, hash, partitionId } from './partition/world.ts'

/** An event as it lies in its stream. */
export interface Lying {
  readonly place: InputRef
  readonly head: EventHead
  readonly bytes: number
  /** What every binding finds when it judges it. */
  readonly verdict: Verdict['result']
}

/** A partition, the stream of its events, and everything a host does with the two, by hand. */
export interface World {
  partition: Partition
  readonly stepped: Stepped[]
  readonly stream: Lying[]
  now: number
  /** Changes of definitions read so far. */
  changes: number
  snapshot: { readonly buckets: readonly Uint8Array[]; readonly covers: number } | undefined
}

export function createWorld(...manifests: readonly Manifest[]): World {
  const partition = createPartition(partitionId, hash)
  const now = 1_000_000
  const world = { partition, stepped: [], stream: [], now, changes: 0, snapshot: undefined }
  beginEpoch(world)
  deploy(world, ...manifests)
  return world
}

export function take(world: World, input: Input): Stepped {
  const done = step(world.partition, input, world.now)
  world.stepped.push(done)
  return done
}

function beginEpoch(world: World): void {
  const epoch = world.partition.epoch.number + 1
  const about = { instance: 'test', incarnation: `i${epoch}`, rules: 1, streams: {} }
  const hosts = [...world.partition.manifests.values()].map((one) => one.hash)
  take(world, { kind: 'epoch', epoch, hosts, ...about })
}

type Change = Extract<Input, { kind: 'def' }>['change']
type Bare<C extends Change> = C extends Change
  ? Omit<C, 'v' | 'app' | 'number' | 'at' | 'by'>
  : never

function change(world: World, bare: Bare<Change>): Stepped {
  world.changes += 1
  const seq = world.changes
  const ref = { stream: 'DEFS', seq, index: 0, hash: hash.text(`DEFS${seq}`) }
  const number = world.partition.definitions + 1
  const head = { v: 1, app: partitionId.app, number, at: world.now, by: 'ann' } as const
  // TypeScript does not put a union back together that it took apart field by field.
  return take(world, { kind: 'def', ref, change: { ...head, ...bare } as Change })
}

export const deploy = (world: World, ...manifests: readonly Manifest[]): Stepped =>
  change(world, {
    kind: 'deploy',
    manifests: manifests.filter((one) => !world.partition.manifests.has(bindingKey(one))),
    active: manifests.map(bindingKey),
    eventsFrom: { stream: 'EVENTS_g1', seq: 0 },
  })

export const pause = (world: World, id?: string): Stepped =>
  change(world, { kind: 'pause', reason: 'night', ...(id !== undefined && { binding: id }) })

export const resume = (world: World, id?: string): Stepped =>
  change(world, { kind: 'resume', reason: 'day', ...(id !== undefined && { binding: id }) })

export interface Sent {
  readonly type?: string
  readonly key?: string
  readonly verdict?: Verdict['result']
}

/** Stores an event and takes it in the main lane. */
export function send(world: World, sent: Sent = {}): Stepped {
  const { type = 'issue.opened', key, verdict = 'matched' } = sent
  const index = world.stream.length
  const { event } = acceptEvent(
    { type, source: 'test', data: {}, dedupeKey: key ?? `e${index}` },
    { hash, generation: 1, slots: 1, now: world.now },
  )
  // Two to a message.
  const seq = 1 + Math.floor(index / 2)
  const place = { stream: 'EVENTS_g1', seq, index: index % 2, hash: hash.text(`EVENTS${seq}`) }
  const lying = { place, head: headOf(event), bytes: 100 + index, verdict }
  world.stream.push(lying)
  return take(world, eventInput(world, lying))
}

function eventInput(world: World, { place, head, bytes, verdict }: Lying): Input {
  const verdicts = candidates(world.partition, head.type).map((one): Verdict => ({
    binding: bindingKey(one),
    result: holdsBack(world.partition, one.id) ? 'paused' : verdict,
  }))
  return { kind: 'event', ref: place, head, verdicts, bytes }
}

/** Reads again what is owed, at most so many events. Returns how many were given. */
export function catchUp(world: World, most = Infinity): number {
  let given = 0
  for (let stretch = owed(world.partition); stretch; stretch = owed(world.partition)) {
    const [seq] = stretch.from
    const before = given
    for (const lying of world.stream) {
      if (given >= most) return given
      if (lying.place.seq >= seq && giveHeld(world, lying)) given += 1
    }
    if (given === before) throw new Error(`nothing that is owed lies after ${seq}`)
  }
  return given
}

function giveHeld(world: World, { place, head, bytes, verdict }: Lying): boolean {
  const holders = holdersOf(world.partition, [place.seq, place.index], head.type)
  if (holders.length === 0) return false
  const verdicts = holders.map((one): Verdict => ({
    binding: bindingKey(one.binding),
    result: one.wanted ? verdict : 'filtered',
  }))
  take(world, { kind: 'held', place, head, verdicts, bytes })
  return true
}

export const started = ({ stepped }: Pick<World, 'stepped'>): readonly string[] =>
  stepped.flatMap(({ entry }) =>
    entry.facts.flatMap((fact) =>
      fact.kind === 'transition' && fact.origin
        ? [`${fact.origin.binding} ${fact.origin.ref.seq}/${fact.origin.ref.index}`]
        : [],
    ),
  )

// --- takeovers -------------------------------------------------------------------------------

export function keepSnapshot(world: World): void {
  const buckets = [...encodeBuckets(hash, freeze(world.partition))].flatMap((bucket) =>
    bucket ? [bucket.bytes] : [],
  )
  world.snapshot = { buckets, covers: world.stepped.length }
}

/** As the journal has it: from its beginning, or from the snapshot. */
export function rebuilt({ stepped, snapshot }: World, fromSnapshot: boolean): Partition {
  const from = fromSnapshot && snapshot ? snapshot.covers : 0
  const partition =
    fromSnapshot && snapshot
      ? restorePartition(partitionId, hash, snapshot.buckets)
      : createPartition(partitionId, hash)
  for (const { bytes, hash: digest } of stepped.slice(from)) {
    apply(partition, decodeEntry(bytes), digest)
  }
  return partition
}

export function takeOver(world: World, fromSnapshot: boolean): void {
  world.partition = rebuilt(world, fromSnapshot)
  beginEpoch(world)
}

export const label = (over: Partial<Manifest> = {}): Manifest => binding({ id: 'label', ...over })
export const audit = (over: Partial<Manifest> = {}): Manifest =>
  binding({ id: 'audit', on: ['>'], ...over })
