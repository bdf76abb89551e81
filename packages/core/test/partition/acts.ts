import fc from 'fast-check'
import type { EffectResult } from '../../src/index.ts'
import {
  answer,
  beginEpoch,
  binding,
  cancelLetter,
  deploy,
  sendEvent,
  settleTicks,
  type SendOptions,
  type World,
} from './world.ts'

/** A random life of a partition: whatever a host may do to it, in any order. */
export type Act =
  | { readonly act: 'send'; readonly options: SendOptions }
  | { readonly act: 'answer'; readonly pick: number; readonly how: number }
  | { readonly act: 'wait'; readonly ms: number }
  | { readonly act: 'cancel'; readonly pick: number; readonly bulk: boolean }
  | { readonly act: 'epoch' }
  | { readonly act: 'deploy'; readonly max: number }
  | { readonly act: 'garbage' }

export const acts: fc.Arbitrary<readonly Act[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        act: fc.constant('send' as const),
        options: fc.record({
          type: fc.constantFrom('issue.opened', 'issue.closed', 'push'),
          key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
          data: fc.constantFrom('x', 'y'),
          depth: fc.constantFrom(0, 0, 0, 1, 16, 17),
          verdict: fc.constantFrom('matched', 'matched', 'filtered', 'error', 'ask'),
        }),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        act: fc.constant('answer' as const),
        pick: fc.nat(7),
        how: fc.nat(8),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        act: fc.constant('wait' as const),
        ms: fc.constantFrom(0, 1, 999, 1000, 30_000, 3_600_000, 90_000_000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        act: fc.constant('cancel' as const),
        pick: fc.nat(7),
        bulk: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ act: 'epoch' as const }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('deploy' as const), max: fc.nat(4) }) },
    { weight: 1, arbitrary: fc.constant({ act: 'garbage' as const }) },
  ),
  { maxLength: 60 },
)

const results: readonly EffectResult[] = [
  { status: 'succeeded', output: { ok: true }, sent: [], ms: 3 },
  { status: 'succeeded', sent: [], ms: 1 },
  {
    status: 'failed',
    error: { class: 'retryable', name: 'Error', message: 'no ⚙ today' },
    sent: [],
    ms: 2,
  },
  {
    status: 'failed',
    error: { class: 'rate_limited', name: 'Error', message: 'slow', afterMs: 5000 },
    sent: [],
    ms: 2,
  },
  {
    status: 'failed',
    error: { class: 'permanent', name: 'Error', message: 'no' },
    sent: [],
    ms: 2,
  },
  { status: 'killed', reason: 'SIGKILL' },
  { status: 'parked' },
  { status: 'unhosted' },
  { status: 'judged', matched: true, ms: 1 },
]

export function live(world: World, script: readonly Act[]): void {
  deploy(world, [binding()])
  beginEpoch(world)
  for (const one of script) perform(world, one)
}

export function perform(world: World, one: Act): void {
  switch (one.act) {
    case 'send':
      sendEvent(world, one.options)
      return
    case 'answer': {
      const effect = world.pending[one.pick % Math.max(1, world.pending.length)]
      const result = results[one.how]
      if (effect && result) answer(world, effect, result)
      return
    }
    case 'wait':
      world.now += one.ms
      return settleTicks(world)
    case 'cancel': {
      const dispatch = [...world.partition.dispatches.values()][one.pick]
      if (one.bulk) cancelLetter(world, { kind: 'filter', binding: 'label' })
      else if (dispatch) cancelLetter(world, { kind: 'dispatch', dispatch: dispatch.id })
      return
    }
    case 'epoch':
      beginEpoch(world)
      return
    case 'deploy': {
      const version = Math.max(0, ...[...world.partition.manifests.values()].map((m) => m.version))
      const retry = {
        kind: 'immediate' as const,
        maxAttempts: one.max + 1,
        jitter: 'none' as const,
      }
      deploy(world, [
        binding({ version: version + 1, retry }),
        binding({ id: 'audit', version: version + 1, on: ['>'], onPermanentError: 'fail' }),
      ])
      return
    }
    case 'garbage':
      world.take({ kind: 'result', effect: 'nonsense', result: { status: 'parked' } })
      return
    default:
      return one satisfies never
  }
}
