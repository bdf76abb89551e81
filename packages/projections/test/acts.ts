import type { EffectResult, WaybillEvent } from '@waybill/core'
import fc from 'fast-check'
import {
  binding,
  createPlayer,
  createStage,
  type Player,
  type SendOptions,
  type Stage,
} from './player.ts'

/** A random life of some partitions: whatever senders, hosts and operators may do to them. */
export type Act = { readonly slot: number } & (
  | { readonly act: 'send'; readonly options: SendOptions }
  | { readonly act: 'repeat'; readonly pick: number; readonly data: string | undefined }
  | { readonly act: 'answer'; readonly pick: number; readonly how: number }
  | { readonly act: 'wait'; readonly ms: number }
  | { readonly act: 'cancel'; readonly pick: number; readonly bulk: boolean }
  | { readonly act: 'epoch' }
  | { readonly act: 'deploy' }
  | { readonly act: 'pause' | 'resume'; readonly binding: string }
  | { readonly act: 'release' }
  | { readonly act: 'garbage'; readonly pick: number }
  | { readonly act: 'commit' }
)

const slots = 3

const slot = fc.nat(slots - 1)
const weighted = <T>(weight: number, shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) => ({
  weight,
  arbitrary: fc.record(shape) as fc.Arbitrary<T>, // all fields of the shape are given
})

export const acts: fc.Arbitrary<readonly Act[]> = fc.array(
  fc.oneof(
    weighted<Extract<Act, { act: 'send' }>>(6, {
      slot,
      act: fc.constant('send'),
      options: fc.record({
        type: fc.constantFrom('issue.opened', 'issue.closed', 'issue.closed.late', 'push'),
        subject: fc.constantFrom('a', 'ß', '💥'),
        depth: fc.constantFrom(0, 0, 0, 1, 17),
        verdict: fc.constantFrom('matched', 'matched', 'filtered', 'error', 'ask'),
      }),
    }),
    weighted<Extract<Act, { act: 'repeat' }>>(1, {
      slot,
      act: fc.constant('repeat'),
      pick: fc.nat(20),
      data: fc.constantFrom(undefined, 'other'),
    }),
    weighted<Extract<Act, { act: 'answer' }>>(9, {
      slot,
      act: fc.constant('answer'),
      pick: fc.nat(7),
      how: fc.nat(7),
    }),
    weighted<Extract<Act, { act: 'wait' }>>(3, {
      slot,
      act: fc.constant('wait'),
      ms: fc.constantFrom(0, 999, 1000, 30_000, 3_600_000, 90_000_000),
    }),
    weighted<Extract<Act, { act: 'cancel' }>>(1, {
      slot,
      act: fc.constant('cancel'),
      pick: fc.nat(7),
      bulk: fc.boolean(),
    }),
    weighted<Extract<Act, { act: 'epoch' }>>(1, { slot, act: fc.constant('epoch') }),
    weighted<Extract<Act, { act: 'deploy' }>>(1, { slot, act: fc.constant('deploy') }),
    ...(['pause', 'resume'] as const).map((kind) =>
      weighted<Extract<Act, { act: 'pause' | 'resume' }>>(1, {
        slot,
        act: fc.constant(kind),
        binding: fc.constantFrom('label', 'audit'),
      }),
    ),
    weighted<Extract<Act, { act: 'release' }>>(2, { slot, act: fc.constant('release') }),
    weighted<Extract<Act, { act: 'garbage' }>>(1, {
      slot,
      act: fc.constant('garbage'),
      pick: fc.nat(7),
    }),
    weighted<Extract<Act, { act: 'commit' }>>(4, { slot, act: fc.constant('commit') }),
  ),
  { maxLength: 80, size: 'max' },
)

const error = (over: object = {}) => ({ class: 'retryable' as const, name: 'Error', ...over })

const results: readonly EffectResult[] = [
  { status: 'succeeded', output: { ok: true }, sent: [], ms: 3 },
  { status: 'succeeded', sent: [], ms: 1 },
  { status: 'failed', error: error({ message: 'no ⚙ today, code 17' }) as never, sent: [], ms: 2 },
  {
    status: 'failed',
    error: { class: 'permanent', name: 'Error', message: 'no\nstack', causeClass: 'auth' },
    sent: [],
    ms: 2,
  },
  { status: 'killed', reason: 'SIGKILL' },
  { status: 'parked' },
  { status: 'unhosted' },
  { status: 'judged', matched: true, ms: 1 },
]

export interface Life {
  readonly stage: Stage
  readonly players: readonly Player[]
}

/** Every partition of an app meets the same definitions, each in its own time. */
export function live(script: readonly Act[]): Life {
  const stage = createStage()
  const players = Array.from({ length: slots }, (_, at) => createPlayer(stage, 'triage', at, slots))
  for (const player of players) {
    player.deploy(deploys(1))
    player.epoch()
  }
  for (const one of script) {
    const player = players[one.slot]
    if (player) perform(stage, player, one)
  }
  for (const player of players) player.commit()
  return { stage, players }
}

const deploys = (number: number) => [
  binding({ version: number, retry: { kind: 'immediate', maxAttempts: number, jitter: 'none' } }),
  binding({ id: 'audit', version: number, on: ['>'], onPermanentError: 'fail' }),
]

function perform(stage: Stage, player: Player, one: Act): void {
  switch (one.act) {
    case 'send':
      return void player.send(one.options)
    case 'repeat': {
      const event = nth<WaybillEvent>([...stage.events.values()], one.pick)
      if (event?.id.startsWith(`1-${one.slot}-`)) player.repeat(event, one.data)
      return
    }
    case 'answer': {
      const effect = nth(player.pending, one.pick)
      const result = results[one.how]
      if (effect && result) player.answer(effect, result)
      return
    }
    case 'wait':
      stage.now += one.ms
      return player.settle()
    case 'cancel': {
      const dispatch = nth([...player.partition.dispatches.values()], one.pick)
      if (one.bulk) player.cancel({ kind: 'filter', binding: 'label' })
      else if (dispatch) player.cancel({ kind: 'dispatch', dispatch: dispatch.id })
      return
    }
    case 'epoch':
      return void player.epoch()
    case 'deploy':
      return void player.deploy(deploys(player.partition.definitions + 1))
    case 'pause':
    case 'resume':
      return void player.order(one.act, one.binding)
    case 'release':
      return void player.release()
    case 'garbage': {
      const dispatch = nth([...player.partition.dispatches.values()], one.pick)
      const about = dispatch ? { dispatch: dispatch.id } : {}
      const bytes = new Uint8Array([1, 2, 3])
      const poison = { reason: 'step threw', hash: '0'.repeat(64), bytes, ...about }
      return void player.take({ kind: 'quarantined', ...poison })
    }
    case 'commit':
      return void player.commit()
    default:
      return one satisfies never
  }
}

const nth = <T>(items: readonly T[], pick: number): T | undefined =>
  items[pick % Math.max(1, items.length)]
