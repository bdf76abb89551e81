import type { z } from 'zod'
import type {
  DispatchEvent,
  Effect,
  EffectResult,
  Fact,
  Input,
  outcome,
  signature,
} from '../../src/index.ts'
import { binding } from '../partition/world.ts'
import { bodies, flow, id, ledgerFacts, member, place, standings } from './shared.ts'

export { id } from './shared.ts'

/*
 * One of every kind that an entry may hold, with every field that it may have: what is on the disk
 * somewhere has to be understood for ever.
 */

type Outcome = z.infer<typeof outcome>
/** By the name of the kind, so that one that is missing does not compile. */
type Of<Union, Tag extends keyof Union> = {
  readonly [K in Union[Tag] & string]: Extract<Union, Record<Tag, K>>
}

const hex = 'b'.repeat(64)
const effect = `${id}:0:0`
export const ref = { stream: 'EVENTS_g1', seq: 1, index: 0, hash: hex }
const error = {
  class: 'retryable',
  name: 'Error',
  message: 'no',
  code: 'E1',
  causeClass: 'handler',
  afterMs: 5,
  path: 'data.x',
} as const

export const events: Of<DispatchEvent, 'type'> = {
  'dispatch.started': {
    type: 'dispatch.started',
    at: 0,
    loop: false,
    ask: true,
    limits: [place],
    members: [member],
    standing: standings.waiting,
  },
  'predicate.answered': {
    type: 'predicate.answered',
    at: 0,
    matched: true,
    reason: 'yes',
    limits: [place],
    standing: standings.refused,
  },
  'gate.granted': {
    type: 'gate.granted',
    at: 0,
    numbers: { used: 1 },
    members: [member],
    standing: standings.open,
  },
  'gate.waiting': { type: 'gate.waiting', at: 0, standing: standings.waiting },
  'gate.refused': {
    type: 'gate.refused',
    at: 0,
    gate: 'rate',
    reason: 'full',
    numbers: { used: 1 },
    by: id,
  },
  'circuit.answered': { type: 'circuit.answered', at: 0, standing: standings.deferred },
  'attempt.succeeded': { type: 'attempt.succeeded', at: 0 },
  'attempt.failed': { type: 'attempt.failed', at: 0, error, jitter: 0.5 },
  'attempt.lost': { type: 'attempt.lost', at: 0, alone: true, jitter: 0 },
  'attempt.parked': { type: 'attempt.parked', at: 0 },
  'version.missing': { type: 'version.missing', at: 0 },
  'wait.began': { type: 'wait.began', at: 0, for: 'approval', until: 9 },
  'wait.resolved': { type: 'wait.resolved', at: 0, for: 'agent', standing: standings.open },
  'timer.due': {
    type: 'timer.due',
    at: 0,
    timer: 'close',
    jitter: 0.9,
    standing: standings.open,
  },
  'cancel.requested': { type: 'cancel.requested', at: 0, by: 'op', reason: 'enough' },
  'dispatch.superseded': { type: 'dispatch.superseded', at: 0, by: 'a newer one' },
}

const to = { app: 'billing', slot: 3, lane: 'ask' } as const

export const effects: Of<Effect, 'kind'> = {
  evaluatePredicate: { kind: 'evaluatePredicate', id: effect, dispatch: id },
  runAttempt: { kind: 'runAttempt', id: effect, dispatch: id, attempt: 1, alone: false },
  abortAttempt: { kind: 'abortAttempt', id: effect, dispatch: id, attempt: 1, reason: 'parked' },
  reply: { kind: 'reply', id: effect, to: '_INBOX.a', letter: 'l', body: { any: 'thing' } },
  sendLetters: { kind: 'sendLetters', id: effect, to, upTo: 1 },
}

export const outcomes: Of<Outcome, 'status'> = {
  succeeded: { status: 'succeeded' },
  skipped: { status: 'skipped', stage: 'gate', reason: 'full' },
  failed: { status: 'failed' },
  cancelled: { status: 'cancelled', by: 'op', reason: 'enough' },
  superseded: { status: 'superseded', by: 'a newer one' },
  dlq: { status: 'dlq', reason: 'poison' },
}

export const results: Of<EffectResult, 'status'> = {
  succeeded: { status: 'succeeded', output: { ok: true }, sent: [id], ms: 1 },
  failed: { status: 'failed', error, sent: [id], ms: 1 },
  judged: {
    status: 'judged',
    matched: true,
    reason: 'yes',
    costUsd: 1,
    tokens: 2,
    cached: false,
    ms: 3,
    limits: [place],
  },
  killed: { status: 'killed', reason: 'SIGKILL' },
  parked: { status: 'parked' },
  unhosted: { status: 'unhosted' },
  checkpointed: { status: 'checkpointed', position: 1, number: 1, hash: hex, snapshot: 's1' },
  posted: { status: 'posted', to, upTo: 1 },
}

export const record = {
  state: 'attempting',
  index: 1,
  at: 0,
  attempt: 1,
  spent: 0,
  alone: false,
  kills: 0,
  epoch: 1,
  effect,
  waitFor: 'version',
  flow,
  timers: { attempt: 1, retry: 2, wait: 3, predicate: 4, start: 5, close: 6 },
  error,
  outcome: outcomes.dlq,
} as const

export const origin = {
  binding: 'label@v1',
  event: id,
  ref,
  tenant: 'acme',
  ordinal: 1,
  machine: 1,
  key: 'share',
  rerunOf: id,
  root: id,
  redrives: 1,
}

const cancel = { kind: 'cancel', by: 'op', reason: 'enough' } as const
export const targets = {
  dispatch: { kind: 'dispatch', dispatch: id },
  event: { kind: 'event', event: id },
  filter: { kind: 'filter', binding: 'label', state: 'waiting', tenant: 'acme' },
} as const
export const letters = [
  { from: { kind: 'client', id: 'op' } as const, body: { ...cancel, target: targets.dispatch } },
  {
    from: { kind: 'partition', id: 'triage/0', number: 1 } as const,
    body: { ...cancel, target: targets.filter },
    replyTo: '_INBOX.a',
  },
  ...Object.values(bodies).map((body) => ({ from: { kind: 'client', id: 'op' } as const, body })),
].map((rest) => ({ v: 1 as const, id: 'l1', ...rest }))
const [letter] = letters
if (!letter) throw new Error('no letter')

const states = ['verified', 'unsigned', 'failed'] as const
export const signatures: readonly z.infer<typeof signature>[] = states.map((state) => ({
  state,
  reason: 'why',
}))

export const facts: Of<Fact, 'kind'> = {
  transition: {
    kind: 'transition',
    dispatch: id,
    index: 0,
    event: events['gate.granted'],
    from: null,
    to: 'attempting',
    via: ['flowGated:gate.granted:0'],
    origin,
    record,
    prev: hex,
  },
  'event.seen': { kind: 'event.seen' },
  'event.duplicate': { kind: 'event.duplicate', divergent: true },
  'def.applied': { kind: 'def.applied', number: 1 },
  'def.ignored': { kind: 'def.ignored', number: 1, reason: 'why' },
  'letter.taken': { kind: 'letter.taken', id: 'l1' },
  'letter.duplicate': { kind: 'letter.duplicate', id: 'l1' },
  'def.refused': { kind: 'def.refused', number: 1, reason: 'why' },
  'event.released': { kind: 'event.released', seq: 1, index: 0, bindings: ['label'], bytes: 7 },
  'letter.skipped': { kind: 'letter.skipped', from: 'triage/0', stream: 'MAIL_g1.ask', number: 1 },
  'letter.queued': { kind: 'letter.queued', to, number: 1, letter },
  'letter.sent': { kind: 'letter.sent', to, number: 1 },
  ...ledgerFacts,
  'dead.redriven': { kind: 'dead.redriven', dispatch: id, as: id, by: 'op', reason: 'why' },
  'dead.discarded': { kind: 'dead.discarded', dispatch: id, by: 'op', reason: 'why' },
  'epoch.began': { kind: 'epoch.began', barren: 0 },
  checkpoint: { kind: 'checkpoint', position: 1, number: 1, hash: hex, snapshot: 's1' },
  'result.late': { kind: 'result.late', effect, status: 'parked' },
  quarantined: { kind: 'quarantined', reason: 'why' },
  'dispatch.quarantined': { kind: 'dispatch.quarantined', dispatch: id, at: 0, reason: 'poison' },
  'bulk.began': {
    kind: 'bulk.began',
    letter: 'l1',
    body: { ...cancel, target: targets.event },
    replyTo: '_INBOX.a',
    upTo: 0,
  },
  'bulk.advanced': { kind: 'bulk.advanced', letter: 'l1', cursor: 0, done: 0, ended: false },
}

const head = {
  id,
  type: 'issue.opened',
  source: 'github',
  tenant: 'acme',
  subject: 'issue/7',
  time: 0,
  digest: 'd',
  chain: { root: id, depth: 0, path: [], parent: id },
}
const verdicts = [
  { binding: 'label@v1', result: 'matched' as const, reason: 'yes', key: 'share', limits: [place] },
]

export const inputs: Of<Input, 'kind'> = {
  event: {
    kind: 'event',
    ref,
    head,
    verdicts,
    bytes: 7,
  },
  held: { kind: 'held', place: ref, head, verdicts, bytes: 7 },
  letter: { kind: 'letter', ref, letter },
  def: {
    kind: 'def',
    ref,
    change: {
      v: 1,
      kind: 'deploy',
      app: 'triage',
      number: 1,
      at: 0,
      by: 'op',
      manifests: [binding()],
      active: ['label@v1'],
      eventsFrom: { stream: 'EVENTS_g1', seq: 0 },
    },
  },
  result: { kind: 'result', effect, result: results.parked },
  tick: { kind: 'tick' },
  epoch: {
    kind: 'epoch',
    epoch: 1,
    instance: 'host-1',
    incarnation: 'i1',
    rules: 1,
    hosts: ['a'.repeat(32)],
    streams: { EVENTS_g1: '2026-01-01T00:00:00Z' },
  },
  quarantined: {
    kind: 'quarantined',
    ref,
    reason: 'why',
    hash: hex,
    bytes: new Uint8Array([1]),
    dispatch: id,
    held: { place: ref, bindings: ['label'], bytes: 7 },
    posted: { to, upTo: 1 },
    letter,
  },
}
