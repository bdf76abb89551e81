import {
  acceptEvent,
  bindingKey,
  candidates,
  createPartition,
  decode,
  entry as entrySchema,
  headOf,
  nextDue,
  step,
  type CancelTarget,
  type Effect,
  type EffectResult,
  type Input,
  type Manifest,
  type Partition,
  type PartitionId,
  type Stepped,
  type Verdict,
} from '../../src/index.ts'
import { sha256 as hash } from '../sha256.ts'

export { binding } from '../binding.ts'
export { hash }

export const partitionId: PartitionId = { app: 'triage', generation: 1, slot: 0 }

/** One partition with everything a host would do for it, by hand. Remembers what it stepped. */
export interface World {
  readonly partition: Partition
  readonly stepped: Stepped[]
  /** Effects that still have no result. */
  readonly pending: Effect[]
  now: number
  /** Next sequence per stream. */
  readonly seqs: Map<string, number>
  take(input: Input): Stepped
}

export function createWorld(): World {
  const partition = createPartition(partitionId, hash)
  const world: World = {
    partition,
    stepped: [],
    pending: [],
    now: 1_000_000,
    seqs: new Map(),
    take(input) {
      const done = step(partition, input, world.now)
      world.stepped.push(done)
      world.pending.push(...done.entry.effects)
      return done
    },
  }
  return world
}

export function refOf(
  world: World,
  stream: string,
): {
  stream: string
  seq: number
  index: number
  hash: string
} {
  const seq = (world.seqs.get(stream) ?? 0) + 1
  world.seqs.set(stream, seq)
  return { stream, seq, index: 0, hash: hash.text(`${stream}${seq}`) }
}

export function deploy(world: World, manifests: readonly Manifest[]): Stepped {
  return world.take({
    kind: 'def',
    ref: refOf(world, 'DEFS'),
    change: {
      v: 1,
      kind: 'deploy',
      app: 'triage',
      number: world.partition.definitions + 1,
      at: world.now,
      by: 'test',
      manifests: [...manifests],
      active: manifests.map(bindingKey),
      eventsFrom: { stream: 'EVENTS_g1', seq: 0 },
    },
  })
}

export function beginEpoch(world: World): Stepped {
  const epoch = world.partition.epoch.number + 1
  return world.take({
    kind: 'epoch',
    epoch,
    instance: 'test',
    incarnation: `i${epoch}`,
    rules: 1,
    hosts: [...world.partition.manifests.values()].map((one) => one.hash),
    streams: { EVENTS_g1: '2026-01-01T00:00:00Z' },
  })
}

export interface SendOptions {
  readonly type?: string
  readonly key?: string
  readonly data?: string
  readonly depth?: number
  readonly verdict?: Verdict['result']
  readonly tenant?: string
  /** What the binding's key comes to for this event. */
  readonly bindingKey?: string
}

export function sendEvent(world: World, options: SendOptions = {}): Stepped {
  const { type = 'issue.opened', key, data = 'x', depth = 0, verdict = 'matched' } = options
  const { tenant = 'default', bindingKey: share } = options
  const dedupeKey = key ?? `k${world.stepped.length}`
  const { event } = acceptEvent(
    { type, source: 'test', data: { data }, dedupeKey, tenant },
    { hash, generation: 1, slots: 1, now: world.now },
  )
  const head = headOf({ ...event, chain: { root: event.id, depth, path: [] } })
  const verdicts = candidates(world.partition, type).map((one): Verdict => ({
    binding: bindingKey(one),
    result: depth > one.maxChainDepth ? 'unjudged' : verdict,
    ...(share === undefined ? {} : { key: share }),
  }))
  return world.take({ kind: 'event', ref: refOf(world, 'EVENTS_g1'), head, verdicts })
}

export function answer(world: World, effect: Effect, result: EffectResult): Stepped {
  const at = world.pending.indexOf(effect)
  if (at >= 0) world.pending.splice(at, 1)
  return world.take({ kind: 'result', effect: effect.id, result })
}

export function cancelLetter(world: World, target: CancelTarget): Stepped {
  const ref = refOf(world, 'MAIL_g1')
  return world.take({
    kind: 'letter',
    ref,
    letter: {
      v: 1,
      id: `l${ref.seq}`,
      from: { kind: 'client', id: 'op' },
      body: { kind: 'cancel', target, by: 'op', reason: 'test' },
      replyTo: '_INBOX.op',
    },
  })
}

/** Ticks until nothing is due at `now`. */
export function settleTicks(world: World): void {
  for (let tick = 0; tick < 10_000; tick++) {
    const due = nextDue(world.partition)
    if (due === undefined || due > world.now) return
    world.take({ kind: 'tick' })
  }
  throw new Error('ticks without end')
}

export const decodeEntry = (bytes: Uint8Array): Stepped['entry'] => entrySchema.parse(decode(bytes))
