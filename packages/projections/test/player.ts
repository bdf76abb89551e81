import {
  acceptEvent,
  bindingKey,
  type CancelTarget,
  candidates,
  createPartition,
  type Effect,
  type EffectResult,
  headOf,
  holdersOf,
  holdsBack,
  type Input,
  type InputOf,
  type InputRef,
  type LetterBody,
  type Manifest,
  nextDue,
  placeOf,
  type Partition,
  step,
  type Stepped,
  type Verdict,
  type WaybillEvent,
} from '@waybill/core'
import { encodeBundle, sha256, type Stored } from '@waybill/log'

export { binding } from '../../core/test/binding.ts'

export const journalStream = 'JOURNAL_g1'
const eventsStream = 'EVENTS_g1'

/** What all partitions of a story share: time, and the sequences of the streams. */
export interface Stage {
  now: number
  readonly seqs: Map<string, number>
  /** The journal, in the order of its stream. */
  readonly journal: Stored[]
  /** EVENTS as far as this story sent any. */
  readonly events: Map<number, WaybillEvent>
  /** `<app>/<number>`: every partition of an app reads the same changes. */
  readonly definitions: Map<string, InputOf<'def'>>
}

export const createStage = (now = 1_760_000_000_000): Stage => ({
  now,
  seqs: new Map(),
  journal: [],
  events: new Map(),
  definitions: new Map(),
})

function nextRef(stage: Stage, stream: string): InputRef {
  const seq = (stage.seqs.get(stream) ?? 0) + 1
  stage.seqs.set(stream, seq)
  return { stream, seq, index: 0, hash: sha256.text(`${stream}/${seq}`) }
}

export interface SendOptions {
  readonly type?: string
  readonly source?: string
  readonly subject?: string
  readonly key?: string
  readonly data?: string
  readonly tenant?: string
  readonly depth?: number
  readonly root?: string
  readonly parent?: string
  readonly verdict?: Verdict['result']
  readonly reason?: string
}

/** One partition, its host and its clients, by hand: core's own step decides. */
export interface Player {
  readonly partition: Partition
  /** Effects that still have no result. */
  readonly pending: Effect[]
  take(input: Input): Stepped
  /** @param eventsFrom last event before the app's first deploy */
  deploy(manifests: readonly Manifest[], eventsFrom?: number): Stepped
  /** A pause, or its end, of one binding. */
  order(kind: 'pause' | 'resume', binding: string): Stepped
  /** Gives the first event that a pause held back to those that are owed it, if there is one. */
  release(verdict?: Verdict['result']): Stepped | undefined
  epoch(): Stepped
  send(options?: SendOptions): Stepped
  /** The event sent again, as it was or with other content. */
  repeat(event: WaybillEvent, data?: string): Stepped
  answer(effect: Effect, result: EffectResult): Stepped
  cancel(target: CancelTarget): Stepped
  /** What an operator asks for. */
  command(body: LetterBody): Stepped
  /** Ticks until nothing is due. */
  settle(): void
  /** Everything stepped since the last time, as the next bundle of the journal. */
  commit(): Stored | undefined
}

export function createPlayer(stage: Stage, app: string, slot: number, slots = 1): Player {
  const partition = createPartition({ app, generation: 1, slot }, sha256)
  const pending: Effect[] = []
  let entries: Uint8Array[] = []
  let last: { number: number; hash: string } | undefined
  let letters = 0

  function take(input: Input): Stepped {
    const done = step(partition, input, stage.now)
    entries.push(done.bytes)
    pending.push(...done.entry.effects.filter(({ kind }) => answered.has(kind)))
    return done
  }

  function offer(event: WaybillEvent, { verdict = 'matched', reason }: SendOptions): Stepped {
    const ref = nextRef(stage, eventsStream)
    stage.events.set(ref.seq, event)
    const verdicts = candidates(partition, event.type).map((one): Verdict => ({
      binding: bindingKey(one),
      result: resultOf(partition, one, event, verdict),
      ...(reason === undefined ? {} : { reason }),
      ...(one.flow && {
        limits: one.flow.limits.map((limit) => {
          const placing = { hash: sha256, slots, binding: one.id, tenant: event.tenant }
          const place = placeOf(limit, limit.key && (event.subject ?? ''), placing)
          // Ledgers of this story are where its events are.
          return { ...place, slot: partition.slot }
        }),
      }),
    }))
    return take({ kind: 'event', ref, head: headOf(event), verdicts })
  }

  const command = (body: LetterBody): Stepped =>
    take({
      kind: 'letter',
      ref: nextRef(stage, 'MAIL_g1'),
      letter: {
        v: 1,
        id: `letter-${slot}-${++letters}`,
        from: { kind: 'client', id: 'ann' },
        body,
      },
    })

  /** The change of this number, whichever partition came to it first. */
  function define(number: number, change: InputOf<'def'>['change']): Stepped {
    const key = `${app}/${number}`
    const input = stage.definitions.get(key) ?? {
      kind: 'def' as const,
      ref: nextRef(stage, 'DEFS'),
      change,
    }
    stage.definitions.set(key, input)
    return take(input)
  }

  return {
    partition,
    pending,
    take,
    deploy(manifests, eventsFrom = 0) {
      const number = partition.definitions + 1
      return define(number, {
        v: 1,
        kind: 'deploy',
        app,
        number,
        at: stage.now,
        by: 'ann',
        manifests: [...manifests],
        active: manifests.map(bindingKey),
        eventsFrom: { stream: eventsStream, seq: eventsFrom },
      })
    },
    order(kind, id) {
      const number = partition.definitions + 1
      const about = { app, number, at: stage.now, by: 'ann', reason: 'night', binding: id }
      return define(number, { v: 1, kind, ...about })
    },
    release(verdict = 'matched') {
      // The events of all slots are numbered in one stream; a partition reads its own.
      const isOwed = ([seq, { id, type }]: [number, WaybillEvent]): boolean =>
        id.startsWith(`1-${slot}-`) && holdersOf(partition, [seq, 0], type).length > 0
      const found = [...stage.events].find(isOwed)
      if (!found) return undefined
      const [seq, event] = found
      const place = { stream: eventsStream, seq, index: 0, hash: sha256.text(`${seq}`) }
      const verdicts = holdersOf(partition, [seq, 0], event.type).map((one): Verdict => ({
        binding: bindingKey(one.binding),
        result: verdict,
      }))
      return take({ kind: 'held', place, head: headOf(event), verdicts, bytes: 1 })
    },
    epoch: () =>
      take({
        kind: 'epoch',
        epoch: partition.epoch.number + 1,
        instance: 'host-a',
        incarnation: `i${partition.epoch.number + 1}`,
        rules: 1,
        hosts: [...partition.manifests.values()].map((one) => one.hash),
        streams: { [eventsStream]: '2026-01-01T00:00:00Z' },
      }),
    send: (options = {}) => offer(eventOf(stage, partition.slot, slots, options), options),
    repeat: (event, data) =>
      offer(data === undefined ? event : { ...event, digest: sha256.text(data).slice(0, 32) }, {}),
    answer(effect, result) {
      const at = pending.indexOf(effect)
      if (at >= 0) pending.splice(at, 1)
      return take({ kind: 'result', effect: effect.id, result })
    },
    cancel: (target) => command({ kind: 'cancel', target, by: 'ann', reason: 'not wanted' }),
    command,
    settle() {
      for (let tick = 0; tick < 10_000; tick++) {
        const due = nextDue(partition)
        if (due === undefined || due > stage.now) return
        take({ kind: 'tick' })
      }
      throw new Error('ticks without end')
    },
    commit() {
      if (entries.length === 0) return undefined
      const number = (last?.number ?? 0) + 1
      const header = {
        v: 1 as const,
        rules: 1,
        app,
        generation: 1,
        slot,
        epoch: Math.max(1, partition.epoch.number),
        number,
        ...(last && { prev: last.hash }),
        instance: 'host-a',
        positions: Object.fromEntries(partition.positions),
      }
      const bytes = encodeBundle(header, entries)
      entries = []
      last = { number, hash: sha256.bytes(bytes) }
      const { seq } = nextRef(stage, journalStream)
      const subject = `wb.journal.1.${app}.${slot}`
      const stored = { stream: journalStream, subject, seq, at: stage.now, bytes }
      stage.journal.push(stored)
      return stored
    },
  }
}

function resultOf(
  partition: Partition,
  { id, maxChainDepth }: Manifest,
  { chain }: WaybillEvent,
  verdict: Verdict['result'],
): Verdict['result'] {
  if (holdsBack(partition, id)) return 'paused'
  return chain.depth > maxChainDepth ? 'unjudged' : verdict
}

const answered: ReadonlySet<Effect['kind']> = new Set(['runAttempt', 'evaluatePredicate'])

let sent = 0

function eventOf(stage: Stage, slot: number, slots: number, options: SendOptions): WaybillEvent {
  const { type = 'issue.opened', source = 'https://github.com/acme/shop', data = 'x' } = options
  const { event } = acceptEvent(
    {
      type,
      source,
      data: { data },
      dedupeKey: options.key ?? `k${++sent}`,
      ...(options.subject === undefined ? {} : { subject: options.subject }),
      ...(options.tenant === undefined ? {} : { tenant: options.tenant }),
    },
    { hash: sha256, generation: 1, slots, now: stage.now },
  )
  // Which slot an event hashes to is not what these stories are about.
  const id = event.id.replace(/^1-\d+-/, `1-${slot}-`)
  const { depth = 0, root = id, parent } = options
  const chain = { root, depth, path: [], ...(parent === undefined ? {} : { parent }) }
  return { ...event, id, chain }
}
