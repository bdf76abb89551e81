import {
  acceptEvent,
  bindingKey,
  candidates,
  createPartition,
  headOf,
  isTaken,
  placeOf,
  sharedApp,
  step,
  type DefChange,
  type Effect,
  type EffectResult,
  type Hash,
  type Input,
  type Letter,
  type Manifest,
  type Partition,
  type PartitionId,
  type Place,
  type Receiver,
  type Stepped,
  type Verdict,
} from '../../src/index.ts'
import { sha256 } from '../sha256.ts'

export const app = 'shop'
const slots = 2
const generation = 1
const start = 1_763_690_400_000

type Lane = Receiver['lane']
type SendLetters = Extract<Effect, { kind: 'sendLetters' }>

/** One partition with its mailboxes, and what its host was asked to do. */
export interface Site {
  readonly id: PartitionId
  partition: Partition
  readonly stepped: Stepped[]
  /** Attempts and predicates without a result. */
  readonly pending: Effect[]
  /** Letters under way, those of hosts that are gone included. */
  readonly sending: { readonly effect: SendLetters; readonly letters: readonly Letter[] }[]
  /** Sends whose letters are stored, but whose result is not taken yet. */
  readonly posting: SendLetters[]
  /** What lies in its mailboxes; never changed, only added to. */
  readonly mail: Readonly<Record<Lane, Letter[]>>
  readonly read: Record<Lane, number>
  /** A snapshot, and how many entries it covers. */
  snapshot: { readonly buckets: readonly Uint8Array[]; readonly covers: number } | undefined
}

/** An app of a few partitions, the shared ones beside it, and everything hosts do, by hand. */
export interface World {
  readonly hash: Hash
  readonly sites: readonly Site[]
  readonly defs: DefChange[]
  now: number
  events: number
  operators: number
  /** The next step of this many hashes from now throws; undefined: none does. */
  fuse: number | undefined
}

export function createWorld(): World {
  const world: World = {
    hash: {
      text: plain.text,
      bytes: (input) => plain.bytes(burn(world, input)),
    },
    sites: [app, sharedApp].flatMap((of) =>
      Array.from({ length: slots }, (_, slot) => createSite({ app: of, generation, slot }, plain)),
    ),
    defs: [],
    now: start,
    events: 0,
    operators: 0,
    fuse: undefined,
  }
  for (const site of world.sites) {
    site.partition = createPartition(site.id, world.hash)
    beginEpoch(world, site)
  }
  return world
}

function burn(world: World, input: Uint8Array): Uint8Array {
  if (world.fuse === undefined) return input
  world.fuse -= 1
  if (world.fuse > 0) return input
  world.fuse = undefined
  throw new Error('the fuse')
}

/** For partitions that are made again: nothing throws there. */
export const plain = sha256

function createSite(id: PartitionId, hash: Hash): Site {
  return {
    id,
    partition: createPartition(id, hash),
    stepped: [],
    pending: [],
    sending: [],
    posting: [],
    mail: { ask: [], answer: [] },
    read: { ask: 0, answer: 0 },
    snapshot: undefined,
  }
}

export function siteOf({ sites }: World, of: string, slot: number): Site {
  const found = sites.find(({ id }) => id.app === of && id.slot === slot)
  if (!found) throw new Error(`no partition ${of}/${slot}`)
  return found
}

export function take(world: World, site: Site, input: Input): Stepped {
  const done = stepped(world, site, input)
  site.stepped.push(done)
  for (const effect of done.entry.effects) {
    if (effect.kind === 'sendLetters') {
      site.sending.push({ effect, letters: lettersOf(site, effect) })
    } else if (effect.kind === 'runAttempt' || effect.kind === 'evaluatePredicate') {
      site.pending.push(effect)
    }
  }
  return done
}

function stepped(world: World, { partition }: Site, input: Input): Stepped {
  try {
    return step(partition, input, world.now)
  } catch (cause) {
    // It burnt while the step was being quarantined for another reason: the host tries again.
    if (!(cause instanceof Error) || cause.message !== 'the fuse') throw cause
    return step(partition, input, world.now)
  }
}

function lettersOf({ partition }: Site, { to, upTo }: SendLetters): Letter[] {
  const { queued } = partition.outbox.get(`${to.app}/${to.slot}/${to.lane}`) ?? { queued: [] }
  return queued.filter(({ number }) => number <= upTo).map(({ letter }) => letter)
}

// --- what hosts do ---------------------------------------------------------------------------

export function beginEpoch(world: World, site: Site): Stepped {
  const epoch = site.partition.epoch.number + 1
  return take(world, site, {
    kind: 'epoch',
    epoch,
    instance: 'test',
    incarnation: `i${epoch}`,
    rules: 1,
    hosts: [...site.partition.manifests.values()].map((one) => one.hash),
    streams: { EVENTS_g1: '2026-01-01T00:00:00Z' },
  })
}

/** Letters that set out arrive, all of one message together. */
export function send(world: World, site: Site, at: number): void {
  const [sent] = site.sending.splice(at, 1)
  if (!sent) return
  const { to } = sent.effect
  siteOf(world, to.app, to.slot).mail[to.lane].push(...sent.letters)
  site.posting.push(sent.effect)
}

export function notePosted(world: World, site: Site, at: number): void {
  const [effect] = site.posting.splice(at, 1)
  if (!effect) return
  const { id, to, upTo } = effect
  take(world, site, { kind: 'result', effect: id, result: { status: 'posted', to, upTo } })
}

/** The next letter of a lane; false: there is none. */
export function deliver(world: World, site: Site, lane: Lane): boolean {
  const letter = site.mail[lane][site.read[lane]]
  if (!letter) return false
  site.read[lane] += 1
  const seq = site.read[lane]
  const stream = `MAIL_g1.${lane}`
  const ref = { stream, seq, index: 0, hash: plain.text(`${stream}${seq}`) }
  if (!isTaken(site.partition, ref)) take(world, site, { kind: 'letter', ref, letter })
  return true
}

export function answer(world: World, site: Site, at: number, result: EffectResult): void {
  const [effect] = site.pending.splice(at, 1)
  if (effect) take(world, site, { kind: 'result', effect: effect.id, result })
}

/** The next change of definitions that a partition has not seen; false: there is none. */
export function define(world: World, site: Site): boolean {
  const { DEFS: last } = Object.fromEntries(site.partition.positions)
  const change = world.defs[last?.seq ?? 0]
  if (!change || site.id.app !== app) return false
  const seq = change.number
  const ref = { stream: 'DEFS', seq, index: 0, hash: plain.text(`DEFS${seq}`) }
  take(world, site, { kind: 'def', ref, change })
  return true
}

// --- what the world does ---------------------------------------------------------------------

export interface Sent {
  readonly type?: string
  readonly tenant?: string
  /** Of every limit that has one. */
  readonly key?: string
  readonly partitionKey?: string
  readonly bytes?: number
  readonly verdict?: Verdict['result']
  /** Where it was read, nobody could tell its keys. */
  readonly blind?: boolean
  /** The same event as one that was sent before. */
  readonly dedupeKey?: string | undefined
}

export function sendEvent(world: World, sent: Sent = {}): Stepped {
  const { type = 'sale', tenant = 't', partitionKey, verdict = 'matched' } = sent
  world.events += 1
  const { event, slot } = acceptEvent(
    {
      type,
      source: 'test',
      data: {},
      dedupeKey: sent.dedupeKey ?? `e${world.events}`,
      tenant,
      ...(partitionKey !== undefined && { partitionKey }),
    },
    { hash: plain, generation, slots, now: world.now },
  )
  const site = siteOf(world, app, slot)
  const verdicts = candidates(site.partition, type).map((one): Verdict => ({
    binding: bindingKey(one),
    result: verdict,
    ...(one.flow && sent.blind !== true && { limits: placesOf(one, sent) }),
  }))
  const seq = world.events
  const ref = { stream: 'EVENTS_g1', seq, index: 0, hash: plain.text(`EVENTS_g1${seq}`) }
  return take(world, site, { kind: 'event', ref, head: headOf(event), verdicts })
}

export function placesOf({ id, flow }: Manifest, { tenant = 't', key, bytes }: Sent): Place[] {
  return (flow?.limits ?? []).map((limit) => ({
    ...placeOf(limit, limit.key && (key ?? 'k'), { hash: plain, slots, binding: id, tenant }),
    ...(bytes !== undefined && { bytes }),
  }))
}

export function cancel(
  world: World,
  site: Site,
  target: Extract<Letter['body'], { kind: 'cancel' }>['target'],
): void {
  world.operators += 1
  site.mail.ask.push({
    v: 1,
    id: `op${world.operators}`,
    from: { kind: 'client', id: 'op' },
    body: { kind: 'cancel', target, by: 'op', reason: 'test' },
    replyTo: '_INBOX.op',
  })
}
