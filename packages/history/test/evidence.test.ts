import { streamNames, walk } from '@waybill/log'
import { expect, test } from 'vitest'
import { checkHistory } from '../src/check.ts'
import type { Evidence, Run } from '../src/evidence.ts'
import { invariants } from '../src/invariants.ts'
import { replays } from '../src/invariants/replay.ts'
import { laws } from '../src/laws.ts'
import { binding, createStory, names, succeeded, type Story } from './story.ts'

interface Told {
  readonly story: Story
  readonly event: string
  readonly run: Run
  readonly letter: string
}

/** One dispatch that ran once and succeeded, and a letter that came too late. */
async function told(): Promise<Told> {
  const story = createStory()
  await story.deploy(binding())
  story.epoch()
  const { id: event } = await story.send()
  await story.commit()
  story.answer(succeeded)
  await story.commit()
  const [dispatch = ''] = story.ended()
  await story.cancel({ kind: 'dispatch', dispatch })
  await story.commit()
  const [first] = await Array.fromAsync(walk(story))
  if (!first) throw new Error('the story has no bundle')
  const run: Run = {
    dispatch,
    attempt: 1,
    token: `${dispatch}:1:${first.seq}`,
    key: dispatch,
    process: 'test',
    how: 'returned',
    beganAt: first.at,
    endedAt: first.at,
    sent: ['a', 'b'],
  }
  return { story, event, run, letter: 'l1' }
}

async function rulesOf(story: Story, evidence: Evidence): Promise<readonly string[]> {
  const { findings } = await checkHistory(story, { evidence })
  return findings.map(({ rule }) => rule)
}

test('what the world outside saw is what the journal says', async () => {
  const { story, event, run, letter } = await told()
  const { events } = streamNames(names)
  const body = { kind: 'refused', code: 'not_cancellable', reason: `${run.dispatch} has ended` }
  const evidence: Evidence = {
    acknowledged: [{ stream: events, seq: 1, index: 0, id: event }],
    runs: [run],
    replies: [{ letter, body }],
    fences: [{ app: 'triage', incarnation: 'i7', slot: 0, lastSeq: 1 }],
  }
  expect(await rulesOf(story, evidence)).toEqual([])
})

test.each<[string, (told: Told) => Evidence]>([
  ['run.asked', ({ run }) => ({ runs: [run, { ...run, attempt: 2 }] })],
  ['run.token', ({ run }) => ({ runs: [{ ...run, token: `${run.dispatch}:1:99` }] })],
  ['run.key', ({ run }) => ({ runs: [{ ...run, key: 'another' }] })],
  ['run.early', ({ run }) => ({ runs: [{ ...run, beganAt: 1 }] })],
  ['run.once', ({ run }) => ({ runs: [run, run] })],
  ['run.result', ({ run }) => ({ runs: [{ ...run, how: 'threw' }] })],
  ['run.result', () => ({ runs: [] })],
  ['run.sent', ({ run }) => ({ runs: [run, { ...run, sent: ['a', 'c'] }] })],
  ['reply.recorded', ({ letter }) => ({ replies: [{ letter, body: { kind: 'cancelled' } }] })],
  ['fence.self', () => ({ fences: [{ app: 'triage', incarnation: 'i1', slot: 0, lastSeq: 1 }] })],
  [
    'acknowledged',
    ({ event }) => ({
      acknowledged: [{ stream: streamNames(names).events, seq: 1, index: 1, id: event }],
    }),
  ],
])('%s is found', async (rule, evidence) => {
  const all = await told()
  expect(await rulesOf(all.story, evidence(all))).toContain(rule)
})

test('what a power cut took is not asked for, nor what followed from it', async () => {
  const { story, event, run } = await told()
  const stream = streamNames(names).events
  const lost = await Array.fromAsync(story.log.read({ stream, subjects: [], fromSeq: 1 }))
  const acknowledged = [{ stream, seq: 1, index: 7, id: event }]
  const runs = [{ ...run, token: 'of an entry that is gone' }]
  expect(await rulesOf(story, { acknowledged, runs, lost })).toEqual([])
})

test('deciding again is one more invariant, for whoever asks', async () => {
  const { story } = await told()
  expect((await checkHistory(story, { also: [replays] })).findings).toEqual([])
})

test('every invariant has a name of its own, and a law', () => {
  expect(new Set(invariants.map(({ name }) => name)).size).toBe(invariants.length)
  for (const { law, holds } of invariants) {
    expect(Object.keys(laws)).toContain(law)
    expect(holds.length).toBeGreaterThan(20)
  }
})
