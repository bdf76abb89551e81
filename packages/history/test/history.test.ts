import { encode, type DispatchRecord, type Entry } from '@waybill/core'
import {
  decodeEntry,
  encodeBatch,
  runRetention,
  sha256,
  streamNames,
  subjects,
  walk,
  type Stored,
} from '@waybill/log'
import { expect, test } from 'vitest'
import { checkHistory } from '../src/check.ts'
import type { Finding } from '../src/finding.ts'
import { createHistory, type History } from '../src/history.ts'
import type { Recorded } from '../src/invariant.ts'
import type { Past } from '../src/journals.ts'
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
  ['retry.delay', 3, 0, (entry) => withRecord(entry, { timers: { retry: entry.at + 999 } })],
  ['timer.early', 3, 0, (entry) => withRecord(entry, { timers: { retry: entry.at + 1001 } })],
  ['attempt.spends', 3, 0, (entry) => withRecord(entry, { spent: 0 })],
  ['attempt.poison', 3, 0, (entry) => withRecord(entry, { kills: 1 })],
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

function withRecord(entry: Entry, change: Partial<DispatchRecord>): Entry {
  return withTransition(entry, (fact) => ({ ...fact, record: { ...fact.record, ...change } }))
}

function withTransition(
  entry: Entry,
  change: (fact: Extract<Entry['facts'][number], { kind: 'transition' }>) => Entry['facts'][number],
): Entry {
  return {
    ...entry,
    facts: entry.facts.map((fact) => (fact.kind === 'transition' ? change(fact) : fact)),
  }
}

const eventSubject = subjects(names).events(0)

test('an accepted event that was passed over is found, one that waits is counted', async () => {
  const { story } = await told()
  expect(await checkHistory(story)).toMatchObject({ findings: [], open: 0, unread: 0 })
  await story.send({ data: 'is not committed' })
  expect(await checkHistory(story)).toMatchObject({ findings: [], unread: 1 })
  const { seq } = await story.log.send(eventSubject, encodeBatch([encode('passed over')]))
  await story.send({ data: 'is read' })
  await story.commit()
  const { findings, unread } = await checkHistory(story)
  const what = `EVENTS_g1 ${seq} event 0 of it was passed over`
  expect(findings).toMatchObject([{ rule: 'event.read', law: 'I1', seq, what }])
  expect(unread).toBe(0)
})

test('what was read and is not there, or says something else, is found', async () => {
  const { story } = await told()
  const { events } = streamNames(names)
  const reading = (change: (one: Stored) => Stored[]): Past => ({
    topology: names,
    log: {
      hash: sha256,
      get: (stream, seq) => story.log.get(stream, seq),
      subjects: (stream, filter) => story.log.subjects(stream, filter),
      async *read(range, signal) {
        for await (const one of story.log.read(range, signal)) {
          if (range.stream === events) yield* change(one)
          else yield one
        }
      },
    },
  })
  const gone = await checkHistory(reading(() => []))
  expect(gone.findings).toMatchObject([
    { rule: 'event.read', what: 'EVENTS_g1 1 was read, but is not in the stream' },
  ])
  const forged = encodeBatch([encode('forged')])
  const changed = await checkHistory(reading((one) => [{ ...one, bytes: forged }]))
  expect(changed.findings).toMatchObject([
    { rule: 'event.read', what: expect.stringContaining('was read with hash') },
  ])
})

test('a deploy that is gone is found, one that nobody has read is counted, and so is a letter', async () => {
  const { story } = await told()
  const { defs } = streamNames(names)
  const gone = await checkHistory({
    topology: names,
    log: {
      hash: sha256,
      get: (stream, seq) => story.log.get(stream, seq),
      subjects: (stream, filter) => story.log.subjects(stream, filter),
      async *read(range, signal) {
        if (range.stream !== defs) yield* story.log.read(range, signal)
      },
    },
  })
  expect(gone.findings).toMatchObject([
    { rule: 'deploy.read', law: 'I1', what: 'DEFS 1 was read, but is not in the stream' },
  ])
  const deploy = await story.log.get(defs, 1)
  await story.log.send(subjects(names).def(story.id.app), deploy?.bytes ?? new Uint8Array())
  const letter = subjects(names).mail(story.id.app, 0, 'answer', 'op')
  await story.log.send(letter, encodeBatch([encode('unread')]))
  expect(await checkHistory(story)).toMatchObject({ findings: [], unread: 2 })
})

test('a head that is gone is found, unless it is on record that retention took it', async () => {
  const { story } = await told()
  await story.send({ data: 'a second one' })
  await story.commit()
  const { events } = streamNames(names)
  const floors = [
    { stream: events, subject: eventSubject, belowSeq: 3 },
    { stream: story.stream, subject: story.subject, belowSeq: 3 },
  ]
  await story.log.purge(events, eventSubject, 3)
  expect((await checkHistory(story)).findings).toMatchObject([
    { rule: 'event.read', what: 'EVENTS_g1 1 was read, but is not in the stream' },
  ])
  await story.log.purge(story.stream, story.subject, 3)
  expect((await checkHistory(story)).findings).toMatchObject([
    { rule: 'bundle.chain', what: expect.stringContaining('begins at bundle 3') },
  ])
  await runRetention({ ...story, floors })
  expect(await checkHistory(story)).toMatchObject({ findings: [] })
})

test('bytes in the stream of events that nobody can read are counted, not stumbled over', async () => {
  const { story } = await told()
  await story.log.send(eventSubject, Uint8Array.of(0xc1))
  expect(await checkHistory(story)).toMatchObject({ findings: [], unread: 1 })
})
