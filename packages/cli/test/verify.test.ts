import { encode, type Entry } from '@waybill/core'
import { decodeEntry, sha256, streamNames, walk } from '@waybill/log'
import { expect, test } from 'vitest'
import type { Recorded } from '../src/replay/partition.ts'
import { checkEvents } from '../src/verify/events.ts'
import type { Finding } from '../src/verify/finding.ts'
import { createHistory, type History } from '../src/verify/history.ts'
import { binding, createStory, failed, names, succeeded, type Story } from './story.ts'

async function told(): Promise<{ story: Story; bundles: Recorded[] }> {
  const story = createStory()
  await story.deploy(binding(), binding({ id: 'audit', on: ['>'] }))
  story.epoch()
  await story.commit()
  await story.send()
  await story.commit()
  story.answer(failed())
  story.answer(succeeded)
  story.wait(1000)
  await story.commit()
  story.answer(succeeded)
  await story.commit()
  const bundles: Recorded[] = []
  for await (const bundle of walk(story)) bundles.push(bundle)
  return { story, bundles }
}

function check(story: Story, bundles: readonly Recorded[]): { found: Finding[]; history: History } {
  const { events: eventsStream } = streamNames(names)
  const history = createHistory({ id: story.id, hash: sha256, eventsStream, fromStart: true })
  return { found: bundles.flatMap((recorded) => history.take(recorded)), history }
}

/** The same journal with one entry changed. */
function changed(
  bundles: readonly Recorded[],
  number: number,
  at: number,
  change: (entry: Entry) => Entry | undefined,
): Recorded[] {
  return bundles.map((bundle) => {
    if (bundle.header.number !== number) return bundle
    const entries = bundle.entries.flatMap((bytes, index) => {
      if (index !== at) return [bytes]
      const after = change(decodeEntry(bytes))
      return after ? [encode(after)] : []
    })
    return { ...bundle, entries }
  })
}

test('a true history has nothing wrong with it', async () => {
  const { story, bundles } = await told()
  const { found, history } = check(story, bundles)
  expect(found).toEqual([])
  expect(history.summary).toMatchObject({
    bundles: 4,
    started: 2,
    open: 0,
    ended: { succeeded: 2 },
    epochs: 1,
  })
})

test.each<[string, number, number, (entry: Entry) => Entry | undefined]>([
  ['dispatch.chain', 3, 0, () => undefined],
  ['dispatch.one-end', 4, 0, (entry) => entry],
  [
    'attempt.numbers',
    3,
    2,
    (entry) =>
      withTransition(entry, (fact) => ({ ...fact, record: { ...fact.record, attempt: 3 } })),
  ],
  [
    'dispatch.outcome',
    4,
    0,
    (entry) =>
      withTransition(entry, (fact) => ({
        ...fact,
        record: { ...fact.record, outcome: undefined },
      })),
  ],
  [
    'event.matches',
    2,
    0,
    (entry) => ({
      ...entry,
      facts: entry.facts.filter(
        (fact) => fact.kind !== 'transition' || fact.origin?.binding !== 'audit@v1',
      ),
    }),
  ],
  ['time.order', 4, 0, (entry) => ({ ...entry, at: 1 })],
  ['position', 2, 0, () => undefined],
  [
    'effect.answered-once',
    3,
    0,
    (entry) =>
      entry.input.kind === 'result'
        ? { ...entry, input: { ...entry.input, effect: entry.input.effect.replace(/:0$/, ':7') } }
        : entry,
  ],
])('%s is found', async (rule, number, at, change) => {
  const { story, bundles } = await told()
  const spoiled = changed(bundles, number, at, change)
  const twice = rule === 'dispatch.one-end' ? [...spoiled, spoiled.at(-1)!] : spoiled
  const { found } = check(story, twice)
  expect(found.map((one) => one.rule)).toContain(rule)
  expect(found[0]).toMatchObject({ app: 'triage', slot: 0 })
})

function withTransition(
  entry: Entry,
  change: (fact: Extract<Entry['facts'][number], { kind: 'transition' }>) => Entry['facts'][number],
): Entry {
  return {
    ...entry,
    facts: entry.facts.map((fact) => (fact.kind === 'transition' ? change(fact) : fact)),
  }
}

test('an accepted event that was passed over is found, one that waits is counted', async () => {
  const { story, bundles } = await told()
  const { events } = streamNames(names)
  const messages = () => story.log.read({ stream: events, subjects: [], fromSeq: 1 })
  const { history } = check(story, bundles)
  const options = { hash: sha256, reads: history.events, after: { seq: 0, index: 0 } }
  expect(await checkEvents({ ...options, messages: messages() })).toEqual({
    read: 1,
    unread: 0,
    findings: [],
  })
  await story.send({ data: 'waits' })
  expect(await checkEvents({ ...options, messages: messages() })).toMatchObject({
    read: 1,
    unread: 1,
    findings: [],
  })
  const late = { seqs: [2], indexes: [0], hashes: ['0'] }
  const passed = await checkEvents({ ...options, reads: late, messages: messages() })
  expect(passed.findings).toMatchObject([
    { seq: 1, what: 'event 0 of it was passed over' },
    { seq: 2, what: 'was read with hash 0' },
  ])
})

async function heldStory(): Promise<{ story: Story; bundles: Recorded[] }> {
  const story = createStory()
  await story.deploy(binding())
  story.epoch()
  await story.order('pause', 'label')
  await story.send()
  await story.commit()
  await story.order('resume', 'label')
  await story.commit()
  await story.catchUp()
  await story.commit()
  const bundles: Recorded[] = []
  for await (const bundle of walk(story)) bundles.push(bundle)
  return { story, bundles }
}

test.each<[string, string, number, number, (entry: Entry) => Entry | undefined]>([
  ['that was not held back', 'event.held', 1, 3, () => undefined],
  ['twice', 'event.held', 2, 0, () => undefined],
  [
    'that was another one by then',
    'event.held',
    3,
    0,
    ({ input, ...entry }) =>
      input.kind === 'held'
        ? { ...entry, input: { ...input, place: { ...input.place, hash: 'a'.repeat(64) } } }
        : undefined,
  ],
  [
    'and starts nothing, though it matched',
    'event.matches',
    3,
    0,
    (entry) => ({ ...entry, facts: entry.facts.filter(({ kind }) => kind !== 'transition') }),
  ],
])('an event that is given after a pause %s is found', async (what, rule, number, at, change) => {
  const { story, bundles } = await heldStory()
  expect(check(story, bundles).found).toEqual([])
  const spoiled = changed(bundles, number, at, change)
  const last = spoiled.at(-1)!
  const twice = what === 'twice' ? [...bundles, last] : spoiled
  expect(check(story, twice).found.map((one) => one.rule)).toContain(rule)
})
