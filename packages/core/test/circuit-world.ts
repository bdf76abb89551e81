import {
  acceptEvent,
  apply,
  bindingKey,
  byOrder,
  candidates,
  createPartition,
  encodeBuckets,
  freeze,
  headOf,
  isTaken,
  labelOf,
  nextDue,
  placeOf,
  restorePartition,
  step,
  type Dispatch,
  type Effect,
  type EffectResult,
  type Entry,
  type FactOf,
  type Input,
  type KeyedLimit,
  type Letter,
  type LetterBody,
  type Manifest,
  type Partition,
  type PartitionId,
  type Place,
  type Receiver,
  type RuleOf,
  type Stepped,
} from '../src/index.ts'
import { binding as plainBinding, decodeEntry, hash } from './partition/world.ts'

const app = 'triage'
const start = 1_763_690_400_000

type Lane = Receiver['lane']
type SendLetters = Extract<Effect, { kind: 'sendLetters' }>
export type RunAttempt = Extract<Effect, { kind: 'runAttempt' }>

/** One partition with its mailboxes, and what its host was asked to do. */
export interface Site {
  readonly id: PartitionId
  partition: Partition
  readonly stepped: Stepped[]
  /** Attempts without a result. */
  readonly running: RunAttempt[]
  readonly sending: { readonly effect: SendLetters; readonly letters: readonly Letter[] }[]
  readonly mail: Readonly<Record<Lane, Letter[]>>
  readonly read: Record<Lane, number>
  readonly replies: unknown[]
  snapshot: { readonly buckets: readonly Uint8Array[]; readonly covers: number } | undefined
}

/** An app of a few partitions, and everything that hosts and operators do, by hand. */
export interface World {
  readonly slots: number
  readonly sites: readonly Site[]
  readonly manifests: readonly Manifest[]
  now: number
  events: number
  letters: number
}

const circuitRule: RuleOf<'circuit'> = {
  kind: 'circuit',
  failures: 5,
  ratePercent: 50,
  rateMin: 10,
  windowMs: 60_000,
  openMs: 60_000,
  openMaxMs: 600_000,
  whenOpen: 'defer',
}

const circuitLimit = (over: Partial<RuleOf<'circuit'>> = {}): KeyedLimit => ({
  name: 'circuit',
  scope: 'app',
  rule: { ...circuitRule, ...over },
  key: { kind: 'cel', text: 'event.data.to' },
})

export function guarded(
  rule: Partial<RuleOf<'circuit'>> = {},
  over: Partial<Manifest> = {},
  ...others: readonly KeyedLimit[]
): Manifest {
  return plainBinding({
    on: ['issue.*'],
    flow: { limits: [...others, circuitLimit(rule)].toSorted(byOrder), holdWhileRetrying: false },
    ...over,
  })
}

export function createWorld(manifests: readonly Manifest[] = [guarded()], slots = 1): World {
  const sites = Array.from({ length: slots }, (_, slot): Site => {
    const id = { app, generation: 1, slot }
    return {
      id,
      partition: createPartition(id, hash),
      stepped: [],
      running: [],
      sending: [],
      replies: [],
      snapshot: undefined,
      mail: {
        ask: [],
        answer: [],
      },
      read: {
        ask: 0,
        answer: 0,
      },
    }
  })
  const world: World = { slots, sites, manifests, now: start, events: 0, letters: 0 }
  for (const site of sites) {
    take(world, site, {
      kind: 'def',
      ref: { stream: 'DEFS', seq: 1, index: 0, hash: hash.text('DEFS1') },
      change: {
        v: 1,
        kind: 'deploy',
        app,
        number: 1,
        at: world.now,
        by: 'test',
        manifests: [...manifests],
        active: manifests.map(bindingKey),
        eventsFrom: {
          stream: 'EVENTS_g1',
          seq: 0,
        },
      },
    })
    beginEpoch(world, site)
  }
  return world
}

function take(world: World, site: Site, input: Input): Stepped {
  const done = step(site.partition, input, world.now)
  const quarantined = done.entry.facts.find(({ kind }) => kind === 'quarantined')
  if (quarantined) throw new Error(JSON.stringify(quarantined))
  site.stepped.push(done)
  for (const effect of done.entry.effects) {
    if (effect.kind === 'runAttempt') site.running.push(effect)
    else if (effect.kind === 'reply') site.replies.push(effect.body)
    else if (effect.kind === 'sendLetters') {
      const { to, upTo } = effect
      const box = site.partition.outbox.get(`${to.app}/${to.slot}/${to.lane}`)
      const letters = (box?.queued ?? []).filter(({ number }) => number <= upTo)
      site.sending.push({ effect, letters: letters.map(({ letter }) => letter) })
    }
  }
  return done
}

function beginEpoch(world: World, site: Site): void {
  const epoch = site.partition.epoch.number + 1
  take(world, site, {
    kind: 'epoch',
    epoch,
    instance: 'test',
    incarnation: `i${epoch}`,
    rules: 1,
    hosts: [...site.partition.manifests.values()].map((one) => one.hash),
    streams: { EVENTS_g1: '2026-01-01T00:00:00Z' },
  })
}

// --- what senders and operators do -----------------------------------------------------------

export interface Sent {
  readonly to?: string
  readonly tenant?: string
  /** Events of one partition key lie in one partition. */
  readonly partitionKey?: string
  readonly type?: string
}

/** Returns the partition that took it. */
export function sendEvent(world: World, sent: Sent = {}): Site {
  const { tenant = 't', partitionKey, type = 'issue.opened' } = sent
  const seq = (world.events += 1)
  const { event, slot } = acceptEvent(
    {
      type,
      source: 'test',
      data: {},
      dedupeKey: `e${seq}`,
      tenant,
      ...(partitionKey !== undefined && { partitionKey }),
    },
    { hash, generation: 1, slots: world.slots, now: world.now },
  )
  const site = siteAt(world, slot)
  const verdicts = candidates(site.partition, type).map((one) => ({
    binding: bindingKey(one),
    result: 'matched' as const,
    limits: placesOf(world, one, sent),
  }))
  const ref = { stream: 'EVENTS_g1', seq, index: 0, hash: hash.text(`EVENTS${seq}`) }
  take(world, site, { kind: 'event', ref, head: headOf(event), verdicts })
  return site
}

export const siteAt = ({ sites }: World, slot: number): Site => sites[slot % sites.length] as Site // not empty

function placesOf({ slots }: World, { id, flow }: Manifest, { tenant = 't', to = 'a' }: Sent) {
  const placing = { hash, slots, binding: id, tenant }
  return (flow?.limits ?? []).map((limit) => placeOf(limit, limit.key && to, placing))
}

export function circuitPlace({ slots }: World, { tenant = 't', to = 'a' }: Sent = {}): Place {
  return placeOf(circuitLimit(), to, { hash, slots, binding: '', tenant })
}

const circuitLabel = labelOf('', circuitLimit())

/** The circuit as its home has it. */
export function circuitOf(world: World, sent: Sent = {}) {
  const { ledger, slot } = circuitPlace(world, sent)
  return siteAt(world, slot).partition.ledgers.get(ledger)?.circuit
}

export function write(world: World, site: Site, body: LetterBody): void {
  world.letters += 1
  const from = { kind: 'client', id: 'op' } as const
  const letter: Letter = { v: 1, id: `op${world.letters}`, from, body, replyTo: '_INBOX.op' }
  site.mail.answer.push(letter)
}

type Command = Omit<Extract<LetterBody, { kind: 'circuit' }>, 'kind' | 'ledger' | 'home' | 'key'>

/** To its home first, then to every other partition. */
export function command(world: World, what: Command, sent: Sent = {}): void {
  const { ledger, slot: home, key } = circuitPlace(world, sent)
  const at = siteAt(world, home)
  for (const site of [at, ...world.sites.filter((one) => one !== at)]) {
    write(world, site, { kind: 'circuit', ledger, home, ...(key && { key }), ...what })
  }
}

// --- what hosts do ---------------------------------------------------------------------------

export const succeeded: EffectResult = { status: 'succeeded', sent: [], ms: 3 }

export function failed(of: 'retryable' | 'timeout' | 'permanent' | 'rate_limited'): EffectResult {
  const error = { class: of, name: 'Error', message: 'no' }
  return { status: 'failed', error, sent: [], ms: 2 }
}

export function answer(world: World, site: Site, at: number, result: EffectResult): void {
  const [effect] = site.running.splice(at, 1)
  if (effect) take(world, site, { kind: 'result', effect: effect.id, result })
}

export function tick(world: World, site: Site): boolean {
  if ((nextDue(site.partition) ?? Infinity) > world.now) return false
  take(world, site, { kind: 'tick' })
  return true
}

/** Letters that set out arrive, all of one message together, and the sender hears of it. */
export function send(world: World, site: Site, at = 0): boolean {
  const [sent] = site.sending.splice(at, 1)
  if (!sent) return false
  const { id, to, upTo } = sent.effect
  siteAt(world, to.slot).mail[to.lane].push(...sent.letters)
  take(world, site, { kind: 'result', effect: id, result: { status: 'posted', to, upTo } })
  return true
}

export function deliver(world: World, site: Site, lane: Lane): boolean {
  const letter = site.mail[lane][site.read[lane]]
  if (!letter) return false
  const seq = (site.read[lane] += 1)
  const stream = `MAIL_g1.${lane}`
  const ref = { stream, seq, index: 0, hash: hash.text(`${stream}${seq}`) }
  if (!isTaken(site.partition, ref)) take(world, site, { kind: 'letter', ref, letter })
  return true
}

function deliverAll(world: World, site: Site): boolean {
  let did = false
  while (deliver(world, site, 'answer') || deliver(world, site, 'ask')) did = true
  return did
}

/** All that can happen by itself at this moment. */
export function settle(world: World): void {
  for (let busy = true; busy;) {
    busy = false
    for (const site of world.sites) {
      while (send(world, site)) busy = true
      if (deliverAll(world, site)) busy = true
      if (tick(world, site)) busy = true
    }
  }
}

/** Time passes from one wake-up to the next. */
export function advance(world: World, ms: number): void {
  const end = world.now + ms
  settle(world)
  for (;;) {
    const due = Math.min(...world.sites.map(({ partition }) => nextDue(partition) ?? Infinity))
    if (due > end) break
    world.now = Math.max(world.now, due)
    settle(world)
  }
  world.now = end
}

/** Attempts that set out from now on fare as their destination does, at once. */
export function serve(
  world: World,
  fares: (dispatch: Dispatch, now: number) => EffectResult,
): void {
  settle(world)
  for (let busy = true; busy; settle(world)) {
    busy = false
    for (const site of world.sites) {
      for (const run of site.running.splice(0)) {
        const dispatch = site.partition.dispatches.get(run.dispatch)
        const result = dispatch ? fares(dispatch, world.now) : succeeded
        take(world, site, { kind: 'result', effect: run.id, result })
        busy = true
      }
    }
  }
}

/** Until nothing is open any more, or for so long. */
export function serveFor(
  world: World,
  ms: number,
  fares: (dispatch: Dispatch, now: number) => EffectResult,
): void {
  const end = world.now + ms
  for (;;) {
    serve(world, fares)
    const due = Math.min(...world.sites.map(({ partition }) => nextDue(partition) ?? Infinity))
    if (due > end || world.sites.every(({ partition }) => partition.dispatches.size === 0)) break
    world.now = Math.max(world.now, due)
  }
}

// --- who takes over --------------------------------------------------------------------------

export function keepSnapshot(site: Site): void {
  const buckets = [...encodeBuckets(hash, freeze(site.partition))].flatMap((bucket) =>
    bucket ? [bucket.bytes] : [],
  )
  site.snapshot = { buckets, covers: site.stepped.length }
}

export function rebuilt(site: Site, fromSnapshot: boolean): Partition {
  const { snapshot } = site
  const partition =
    fromSnapshot && snapshot
      ? restorePartition(site.id, hash, snapshot.buckets)
      : createPartition(site.id, hash)
  const from = fromSnapshot && snapshot ? snapshot.covers : 0
  for (const { bytes, hash: sum } of site.stepped.slice(from)) {
    apply(partition, decodeEntry(bytes), sum)
  }
  return partition
}

export function takeOver(world: World, site: Site, fromSnapshot = false): void {
  site.partition = rebuilt(site, fromSnapshot)
  site.running.length = 0
  // What had set out arrives, and sets out again.
  for (const { effect, letters } of site.sending.splice(0)) {
    siteAt(world, effect.to.slot).mail[effect.to.lane].push(...letters)
  }
  beginEpoch(world, site)
}

// --- what stands in the journals -------------------------------------------------------------

export const entriesOf = (world: World): readonly Entry[] =>
  world.sites.flatMap(({ stepped }) => stepped.map(({ entry }) => entry))

export const transitionsOf = (world: World) =>
  entriesOf(world).flatMap(({ facts }) => facts.filter((fact) => fact.kind === 'transition'))

/** What the laws of circuits find wrong with a journal. */
export function breaches({ stepped }: Site): string[] {
  const probes = new Map<string, Set<string>>()
  const open = new Map<string, boolean>()
  const asked = ({ ledger, ticket, answer: told }: FactOf<'ledger.asked'>): string[] => {
    if (!ledger.startsWith(`${circuitLabel}/`) || told.result !== 'granted') return []
    const isOpen = open.get(ledger) ?? false
    if (told.numbers['probe'] !== 1) return isOpen ? [`${ticket.dispatch} passed ${ledger}`] : []
    const out = (probes.get(ledger) ?? new Set()).add(`${ticket.dispatch}#${ticket.admission}`)
    probes.set(ledger, out)
    const two = out.size > 1 ? [`${[...out].join(' and ')} probe ${ledger}`] : []
    return isOpen ? two : [...two, `${ticket.dispatch} probes ${ledger}, which is closed`]
  }
  return stepped.flatMap(({ entry }) =>
    entry.facts.flatMap((fact) => {
      if (fact.kind === 'ledger.left') probes.get(fact.ledger)?.delete(fact.ticket)
      if ('circuit' in fact) open.set(fact.ledger, fact.circuit.state === 'open')
      return fact.kind === 'ledger.asked' ? asked(fact) : []
    }),
  )
}

/** Who was turned back by a circuit, and lost an attempt by it. */
export function spentByDeferral(world: World): string[] {
  const before = new Map<string, { attempt: number; spent: number }>()
  const found: string[] = []
  for (const { dispatch, event, record } of transitionsOf(world)) {
    const { attempt, spent } = before.get(dispatch) ?? { attempt: 0, spent: 0 }
    const deferred = 'standing' in event && event.standing?.result === 'deferred'
    if (deferred && (record.attempt !== attempt || record.spent !== spent)) found.push(dispatch)
    if (deferred && record.state !== 'retryWait') found.push(`${dispatch} in ${record.state}`)
    before.set(dispatch, record)
  }
  return found
}

// --- stories ---------------------------------------------------------------------------------

export const once = { kind: 'immediate', maxAttempts: 1, jitter: 'none' } as const
export const oneShot = (rule = {}) => [guarded(rule, { retry: once })]
export const minuteMs = 60_000

/** Events of which each fares as told. */
export function fare(world: World, how: readonly ('ok' | 'no')[], sent: Sent = {}): void {
  for (const one of how) {
    sendEvent(world, sent)
    serve(world, () => (one === 'ok' ? succeeded : failed('retryable')))
  }
}

export const times = <T>(count: number, what: T): T[] => Array.from({ length: count }, () => what)
export const stateOfCircuit = (world: World, sent: Sent = {}) =>
  circuitOf(world, sent)?.state ?? 'closed'

export const openOf = ({ sites }: World): readonly Dispatch[] =>
  sites.flatMap(({ partition }) => [...partition.dispatches.values()])

export const outcomes = (world: World): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { record } of transitionsOf(world)) {
    const { outcome } = record
    if (!outcome) continue
    const name = outcome.status === 'dlq' ? outcome.reason : outcome.status
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}
