import {
  acceptEvent,
  bindingKey,
  candidates,
  createPartition,
  decode,
  encode,
  encodeBuckets,
  freeze,
  headOf,
  holdersOf,
  holdsBack,
  nextDue,
  owed,
  placeOf,
  snapshotHash,
  step,
  waybillEvent,
  type CancelTarget,
  type Effect,
  type EffectOf,
  type EffectResult,
  type Input,
  type InputOf,
  type LetterBody,
  type Manifest,
  type Partition,
  type PartitionId,
  type Place,
  type Plain,
  type RulePatch,
  type Stepped,
  type WaybillEvent,
} from '@waybill/core'
import {
  createMemoryServer,
  createMemorySnapshots,
  decodeBatch,
  encodeBatch,
  encodeBundle,
  openMemoryLog,
  sha256,
  streamNames,
  subjects,
  topology,
  type BundleHeader,
  type EventLog,
  type SnapshotStore,
  type Topology,
} from '@waybill/log'

export { binding } from '../../core/test/binding.ts'

/**
 * One partition and its host, by hand: a story is told step by step and lies in a memory log
 * afterwards, as production would have written it.
 */
export interface Story {
  readonly id: PartitionId
  readonly log: EventLog
  readonly snapshots: SnapshotStore
  readonly topology: Topology
  readonly stream: string
  readonly subject: string
  readonly partition: Partition
  now: number
  /** Effects that have no answer yet. */
  readonly pending: Effect[]
  take(input: Input): Stepped
  deploy(...bindings: readonly Manifest[]): Promise<void>
  epoch(): Stepped
  send(draft?: {
    type?: string
    data?: Plain
    verdict?: 'matched' | 'filtered' | 'ask'
    /** Of all limits that have one. */
    key?: string
    /** Where the ledgers of its limits are; slot 0 is this partition's. */
    slot?: number
  }): Promise<WaybillEvent>
  /** A pause, or its end, of one binding. */
  order(kind: 'pause' | 'resume', binding: string): Promise<void>
  /** Gives what a pause held back to those that are owed it, as far as it lies in the log. */
  catchUp(): Promise<void>
  answer(result: EffectResult, effect?: Effect): Stepped
  cancel(target: CancelTarget): Promise<void>
  /** A client's letter, or with `from` the next one of another partition, `<app>/<slot>`. */
  letter(body: LetterBody, from?: string, lane?: 'ask' | 'answer'): Promise<Stepped>
  /** All letters that are on their way are stored. */
  posted(): void
  limit(limit: string, rule: RulePatch): Promise<void>
  /** Waits, and lets all that is due then happen. */
  wait(ms: number): void
  /** Ids of the dispatches that ended, in that order. */
  ended(): readonly string[]
  /** Closes the bundle. */
  commit(): Promise<void>
  /** Writes down the state after the last bundle, and says so in the next one. */
  checkpoint(): Promise<void>
}

export const names = topology.parse({ slots: 1 })
const app = 'triage'

export const succeeded: EffectResult = { status: 'succeeded', sent: [], ms: 3 }
export const failed = (message = 'no luck'): EffectResult => ({
  status: 'failed',
  error: { class: 'retryable', name: 'Error', message },
  sent: [],
  ms: 2,
})

export function createStory(): Story {
  const id = { app, generation: 1, slot: 0 }
  const partition = createPartition(id, sha256)
  const { events, mail, defs, journal } = streamNames(names)
  const to = subjects(names)
  let now = Date.UTC(2026, 0, 1)
  const log = openMemoryLog({
    server: createMemoryServer({ topology: names, now: () => now }),
    hash: sha256,
  })
  const snapshots = createMemorySnapshots()
  const pending: Effect[] = []
  const mails: EffectOf<'sendLetters'>[] = []
  const mailed = new Map<string, number>()
  let open: Stepped[] = []
  let last: { seq: number; number: number; hash: string | undefined } = {
    seq: 0,
    number: 0,
    hash: undefined,
  }
  let sent = 0
  let checkpoint: BundleHeader['checkpoint']

  function take(input: Input): Stepped {
    const done = step(partition, input, now)
    open.push(done)
    pending.push(
      ...done.entry.effects.filter(
        ({ kind }) => kind === 'runAttempt' || kind === 'evaluatePredicate',
      ),
    )
    mails.push(...done.entry.effects.filter((effect) => effect.kind === 'sendLetters'))
    return done
  }

  async function store(
    subject: string,
    stream: string,
    item: unknown,
    batched: boolean,
  ): Promise<InputOf<'event'>['ref']> {
    const bytes = batched ? encodeBatch([encode(item)]) : encode(item)
    const { seq } = await log.send(subject, bytes)
    return { stream, seq, index: 0, hash: sha256.bytes(bytes) }
  }

  return {
    id,
    log,
    snapshots,
    topology: names,
    stream: journal,
    subject: to.journal(app, 0),
    take,
    partition,
    pending,
    get now() {
      return now
    },
    set now(at: number) {
      now = at
    },
    async deploy(...bindings) {
      const change: InputOf<'def'>['change'] = {
        v: 1,
        kind: 'deploy',
        app,
        number: partition.definitions + 1,
        at: now,
        by: 'test',
        manifests: [...bindings],
        active: bindings.map(bindingKey),
        eventsFrom: { stream: events, seq: 0 },
      }
      take({ kind: 'def', ref: await store(to.def(app), defs, change, false), change })
    },
    epoch() {
      const epoch = partition.epoch.number + 1
      return take({
        kind: 'epoch',
        epoch,
        instance: 'test',
        incarnation: `i${epoch}`,
        rules: 1,
        hosts: [...partition.manifests.values()].map(({ hash }) => hash),
        streams: { [events]: '2026-01-01T00:00:00.000Z' },
      })
    },
    async send({ type = 'issue.opened', data = 'x', verdict = 'matched', key, slot } = {}) {
      const { event } = acceptEvent(
        { type, source: 'test', data, dedupeKey: `k${sent++}` },
        { hash: sha256, generation: 1, slots: 1, now },
      )
      const ref = await store(to.events(0), events, event, true)
      const verdicts = candidates(partition, type).map((one) => ({
        binding: bindingKey(one),
        result: holdsBack(partition, one.id) ? ('paused' as const) : verdict,
        ...(one.flow && { limits: placesOf(one, event, key, slot) }),
      }))
      const bytes = encode(event).length
      const isHeld = verdicts.some(({ result }) => result === 'paused')
      take({ kind: 'event', ref, head: headOf(event), verdicts, ...(isHeld && { bytes }) })
      return event
    },
    async letter(body, from, lane = 'ask') {
      const number = from === undefined ? undefined : (mailed.get(`${from} ${lane}`) ?? 0) + 1
      if (number !== undefined) mailed.set(`${from} ${lane}`, number)
      const letter: InputOf<'letter'>['letter'] = {
        v: 1,
        id: `l${sent++}`,
        from:
          from === undefined
            ? { kind: 'client', id: 'op' }
            : { kind: 'partition', id: from, number },
        body,
        ...(from === undefined && { replyTo: '_INBOX.op' }),
      }
      const subject = to.mail(app, 0, lane, from === undefined ? 'op' : 'other')
      return take({
        kind: 'letter',
        ref: await store(subject, `${mail}.${lane}`, letter, true),
        letter,
      })
    },
    posted() {
      for (const effect of mails.splice(0)) {
        const { id: asked, to: receiver, upTo } = effect
        take({
          kind: 'result',
          effect: asked,
          result: { status: 'posted', to: receiver, upTo },
        })
      }
    },
    async limit(limit, rule) {
      const number = partition.definitions + 1
      const about = { app, number, at: now, by: 'op', reason: 'test' }
      const change: InputOf<'def'>['change'] = { v: 1, kind: 'limit', ...about, limit, rule }
      take({ kind: 'def', ref: await store(to.def(app), defs, change, false), change })
    },
    async order(kind, id) {
      const number = partition.definitions + 1
      const about = { app, number, at: now, by: 'op', reason: 'test', binding: id }
      const change: InputOf<'def'>['change'] = { v: 1, kind, ...about }
      take({ kind: 'def', ref: await store(to.def(app), defs, change, false), change })
    },
    async catchUp() {
      const stretch = owed(partition)
      if (!stretch) return
      const range = { stream: events, subjects: [to.events(0)], fromSeq: stretch.from[0] }
      for await (const { seq, bytes: message } of log.read(range)) {
        const [item] = decodeBatch(message)
        if (!item) continue
        const event = waybillEvent.parse(decode(item))
        const verdicts = holdersOf(partition, [seq, 0], event.type).map((one) => ({
          binding: bindingKey(one.binding),
          result: one.wanted ? ('matched' as const) : ('filtered' as const),
        }))
        if (verdicts.length === 0) continue
        const place = { stream: events, seq, index: 0, hash: sha256.bytes(message) }
        take({ kind: 'held', place, head: headOf(event), verdicts, bytes: item.length })
      }
    },
    answer(result, effect = pending[0]) {
      if (!effect) throw new Error('nothing is pending')
      pending.splice(pending.indexOf(effect), 1)
      return take({ kind: 'result', effect: effect.id, result })
    },
    async cancel(target) {
      const letter: InputOf<'letter'>['letter'] = {
        v: 1,
        id: `l${sent++}`,
        from: { kind: 'client', id: 'op' },
        body: { kind: 'cancel', target, by: 'op', reason: 'test' },
        replyTo: '_INBOX.op',
      }
      take({
        kind: 'letter',
        ref: await store(to.mail(app, 0, 'ask', 'op'), `${mail}.ask`, letter, true),
        letter,
      })
    },
    wait(ms) {
      now += ms
      for (
        let due = nextDue(partition);
        due !== undefined && due <= now;
        due = nextDue(partition)
      ) {
        take({ kind: 'tick' })
      }
    },
    ended: () => [...partition.ended.digests.keys()],
    async commit() {
      const header: BundleHeader = {
        v: 1,
        rules: 1,
        app,
        generation: 1,
        slot: 0,
        epoch: partition.epoch.number,
        number: last.number + 1,
        ...(last.hash === undefined ? {} : { prev: last.hash }),
        instance: 'test',
        positions: Object.fromEntries(partition.positions),
        ...(checkpoint ? { checkpoint } : {}),
      }
      const bytes = encodeBundle(
        header,
        open.map((one) => one.bytes),
      )
      const outcome = await log.append(to.journal(app, 0), bytes, last.seq)
      if (outcome.kind !== 'stored') throw new Error('conflict in a story')
      last = { seq: outcome.seq, number: header.number, hash: sha256.bytes(bytes) }
      open = []
      checkpoint = partition.checkpoint
    },
    async checkpoint() {
      const { seq: position, number } = last
      const snapshot = `${app}.1-0/${position}`
      const hashes: string[] = []
      for (const bucket of encodeBuckets(sha256, freeze(partition))) {
        if (!bucket) continue
        const { index, bytes, hash } = bucket
        await snapshots.put(`${snapshot}/${index}`, bytes)
        hashes.push(hash)
      }
      const hash = snapshotHash(sha256, hashes)
      const result = { status: 'checkpointed' as const, position, number, hash, snapshot }
      take({ kind: 'result', effect: `checkpoint:${number}:0`, result })
    },
  }
}

function placesOf(
  { id: binding, flow }: Manifest,
  { tenant }: WaybillEvent,
  key: string | undefined,
  slot = 0,
): Place[] {
  return (flow?.limits ?? []).map((limit) => {
    const own = limit.key === undefined ? undefined : (key ?? 'one')
    return { ...placeOf(limit, own, { hash: sha256, slots: 1, binding, tenant }), slot }
  })
}
