import type { EffectResult } from '@waybill/core'
import { sha256, streamNames, walk } from '@waybill/log'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readExport, writeExport } from '../src/replay/export.ts'
import { createHistory, createReplayer, type Recorded } from '@waybill/history'
import { replaySlice } from '../src/replay/slice-replay.ts'
import { createSliceTaker } from '../src/replay/slice.ts'
import { binding, createStory, names, type Story } from '../../history/test/story.ts'

/* Whatever a host does to a partition, in any order: it replays, it verifies, each dispatch alone too. */

type Act =
  | {
      readonly act: 'send'
      readonly type: string
      readonly verdict: 'matched' | 'filtered' | 'ask'
    }
  | { readonly act: 'answer'; readonly pick: number; readonly how: number }
  | { readonly act: 'wait'; readonly ms: number }
  | { readonly act: 'cancel'; readonly pick: number; readonly how: 'dispatch' | 'event' | 'filter' }
  | { readonly act: 'deploy'; readonly max: number }
  | { readonly act: 'epoch' | 'commit' | 'garbage' }

const results: readonly EffectResult[] = [
  { status: 'succeeded', output: { ok: true }, sent: [], ms: 3 },
  { status: 'failed', error: { class: 'retryable', name: 'E', message: 'no ⚙' }, sent: [], ms: 2 },
  { status: 'failed', error: { class: 'permanent', name: 'E', message: 'no' }, sent: [], ms: 2 },
  { status: 'killed', reason: 'SIGKILL' },
  { status: 'parked' },
  { status: 'unhosted' },
  { status: 'judged', matched: true, ms: 1 },
  { status: 'judged', matched: false, reason: 'no', ms: 1 },
]

const acts: fc.Arbitrary<readonly Act[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        act: fc.constant('send' as const),
        type: fc.constantFrom('issue.opened', 'issue.closed', 'push'),
        verdict: fc.constantFrom('matched', 'matched', 'filtered', 'ask'),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        act: fc.constant('answer' as const),
        pick: fc.nat(5),
        how: fc.nat(results.length - 1),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        act: fc.constant('wait' as const),
        ms: fc.constantFrom(0, 999, 1000, 30_000, 3_600_000, 90_000_000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        act: fc.constant('cancel' as const),
        pick: fc.nat(5),
        how: fc.constantFrom('dispatch', 'event', 'filter'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('deploy' as const), max: fc.nat(3) }) },
    { weight: 4, arbitrary: fc.record({ act: fc.constantFrom('epoch', 'commit', 'garbage') }) },
  ),
  { maxLength: 50 },
)

async function perform(story: Story, one: Act): Promise<void> {
  switch (one.act) {
    case 'send':
      return void (await story.send(one))
    case 'answer': {
      const effect = story.pending[one.pick % Math.max(1, story.pending.length)]
      const result = results[one.how]
      if (effect && result) story.answer(result, effect)
      return
    }
    case 'wait':
      return story.wait(one.ms)
    case 'cancel':
      return cancel(story, one.pick, one.how)
    case 'deploy': {
      const version = story.partition.definitions + 1
      const retry = {
        kind: 'immediate' as const,
        maxAttempts: one.max + 1,
        jitter: 'none' as const,
      }
      return story.deploy(
        binding({ version, retry }),
        binding({ id: 'audit', version, on: ['>'], onPermanentError: 'fail' }),
      )
    }
    case 'epoch':
      return void story.epoch()
    case 'commit':
      return story.commit()
    case 'garbage':
      return void story.take({ kind: 'result', effect: 'nonsense', result: { status: 'parked' } })
  }
}

async function cancel(
  story: Story,
  pick: number,
  how: 'dispatch' | 'event' | 'filter',
): Promise<void> {
  const open = [...story.partition.dispatches.values()]
  const one = open[pick % Math.max(1, open.length)]
  if (how === 'filter') await story.cancel({ kind: 'filter', binding: 'audit' })
  else if (one && how === 'event') await story.cancel({ kind: 'event', event: one.origin.event })
  else if (one) await story.cancel({ kind: 'dispatch', dispatch: one.id })
}

async function told(script: readonly Act[]): Promise<{ story: Story; bundles: Recorded[] }> {
  const story = createStory()
  await story.deploy(binding(), binding({ id: 'audit', on: ['>'] }))
  story.epoch()
  for (const one of script) await perform(story, one)
  await story.commit()
  const bundles: Recorded[] = []
  for await (const bundle of walk(story)) bundles.push(bundle)
  return { story, bundles }
}

test('a partition replays byte for byte, and its history hangs together', async () => {
  await fc.assert(
    fc.asyncProperty(acts, async (script) => {
      const { story, bundles } = await told(script)
      const replayer = createReplayer(story.id, sha256)
      const { events: eventsStream } = streamNames(names)
      const history = createHistory({ id: story.id, hash: sha256, eventsStream, fromStart: true })
      for (const recorded of bundles) {
        expect(replayer.take(recorded)).toBeUndefined()
        expect(history.take(recorded)).toEqual([])
      }
      expect(history.summary.open).toBe(story.partition.dispatches.size)
    }),
    { numRuns: 150 },
  )
})

test('every dispatch replays from its export, transition by transition', async () => {
  await fc.assert(
    fc.asyncProperty(acts, async (script) => {
      const { story, bundles } = await told(script)
      for (const [dispatch, transitions] of countTransitions(story, bundles)) {
        const taker = createSliceTaker(story.id, dispatch)
        for (const recorded of bundles) taker.take(recorded)
        const slice = taker.slice()
        if (!slice) throw new Error(`${dispatch} has no slice`)
        const file = writeExport(sha256, slice, 0)
        const steps = [...replaySlice(readExport(sha256, 'x', file), sha256)]
        expect(steps.flatMap(({ differences }) => differences)).toEqual([])
        expect(steps.filter(({ transition }) => transition)).toHaveLength(transitions)
      }
    }),
    { numRuns: 60 },
  )
})

function countTransitions(story: Story, bundles: readonly Recorded[]): ReadonlyMap<string, number> {
  const replayer = createReplayer(story.id, sha256)
  const found = new Map<string, number>()
  for (const recorded of bundles) {
    replayer.take(recorded, ({ facts }) => {
      for (const fact of facts) {
        if (fact.kind !== 'transition') continue
        found.set(fact.dispatch, (found.get(fact.dispatch) ?? 0) + 1)
      }
    })
  }
  return found
}
