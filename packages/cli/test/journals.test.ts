import { recover } from '@waybill/engine'
import { createMemorySnapshots, runRetention, sha256, streamNames, subjects } from '@waybill/log'
import { expect, test } from 'vitest'
import { replayAll } from '../src/replay/all.ts'
import { readExport, writeExport } from '../src/replay/export.ts'
import { replaySlice } from '../src/replay/slice-replay.ts'
import { sliceOf } from '../src/replay/source.ts'
import { retentionFloors } from '../src/retention.ts'
import { checkHistory } from '@waybill/history'
import { binding, createStory, names, succeeded, type Story } from '../../history/test/story.ts'

const dayMs = 24 * 3_600_000

/** Three days: each an event that is handled, the first two with a snapshot at their end. */
async function threeDays(): Promise<Story> {
  const story = createStory()
  await story.deploy(binding())
  story.epoch()
  await story.commit()
  for (let day = 1; day <= 3; day++) {
    await story.send()
    await story.commit()
    story.answer(succeeded)
    await story.commit()
    if (day < 3) await story.checkpoint()
    story.wait(dayMs)
    await story.commit()
  }
  return story
}

test('a journal whose beginning is gone replays from its newest snapshot', async () => {
  const story = await threeDays()
  const whole = await replayAll(story)
  expect(whole).toMatchObject({ dispatches: 3, diverged: 0 })
  const { position } = story.partition.checkpoint!
  const { stream, subject } = story
  await runRetention({ ...story, floors: [{ stream, subject, belowSeq: position }] })
  expect(await replayAll(story)).toMatchObject({ dispatches: 1, diverged: 0 })
  expect(await checkHistory(story)).toMatchObject({ findings: [], open: 0, unread: 0 })
})

test('since: what lies before an older snapshot is taken from it', async () => {
  const story = await threeDays()
  const since = story.now - 2.5 * dayMs
  expect(await replayAll(story, { since })).toMatchObject({ dispatches: 2, diverged: 0 })
  expect(await replayAll(story, { since: 0 })).toMatchObject({ dispatches: 3, diverged: 0 })
})

test('without its beginning and without a snapshot there is no replay, and no guess', async () => {
  const story = await threeDays()
  await story.log.purge(story.stream, story.subject, story.partition.checkpoint!.position)
  const bare = { ...story, snapshots: createMemorySnapshots() }
  await expect(replayAll(bare)).rejects.toMatchObject({ code: 'WB4105', exitCode: 3 })
  const [first] = story.ended()
  await expect(sliceOf(story, 'triage', first!)).rejects.toMatchObject({
    code: 'WB4108',
    exitCode: 3,
  })
})

test('what retention takes away leaves a journal that verifies and replays', async () => {
  const story = await threeDays()
  await story.send()
  await story.commit()
  const ages = { eventsMs: 0, journalMs: 0, mailMs: 0, now: story.now + 1 }
  const floors = await retentionFloors(story, ages, new AbortController().signal)
  const { events } = streamNames(names)
  // The open dispatch pins its event, the older of the two snapshots its journal.
  expect(floors).toEqual([
    { stream: story.stream, subject: story.subject, belowSeq: expect.any(Number) },
    { stream: events, subject: subjects(names).events(0), belowSeq: 4 },
  ])
  await runRetention({ ...story, floors })
  expect(await checkHistory(story)).toMatchObject({ findings: [], open: 1 })
  expect(await replayAll(story)).toMatchObject({ dispatches: 2, diverged: 0 })
})

test('the message that a partition has reached stays: it is how it knows the stream again', async () => {
  const story = await threeDays()
  // Stored and not read: the last message of the subject is a later one.
  const waiting = await story.log.get(streamNames(names).events, 3)
  await story.log.send(subjects(names).events(0), waiting!.bytes)
  const ages = { eventsMs: 0, journalMs: 0, mailMs: 0, now: story.now + 1 }
  const { signal } = new AbortController()
  for (const { stream, subject, belowSeq } of await retentionFloors(story, ages, signal))
    await story.log.purge(stream, subject, belowSeq)
  const opened = await recover(story.id, { ...story, sliceMsMax: Infinity, signal })
  expect(opened.partition.positions.get(streamNames(names).events)?.seq).toBe(3)
})

test('events of a partition that never wrote anything are waiting, not forgotten', async () => {
  const story = createStory()
  await story.send()
  await story.deploy(binding())
  await story.send()
  await story.send()
  expect(await checkHistory(story)).toMatchObject({
    findings: [],
    open: 0,
    unread: 4,
    partitions: [{ eventsUnread: 3, deploysUnread: 1 }],
  })
})

test('2.5 what a pause holds back stays, however old: resumed, nothing of it is missing', async () => {
  const story = createStory()
  await story.deploy(binding(), binding({ id: 'audit', on: ['>'] }))
  story.epoch()
  await story.send()
  story.answer(succeeded)
  story.answer(succeeded)
  await story.order('pause', 'label')
  for (let day = 1; day <= 3; day++) {
    await story.send()
    story.answer(succeeded)
    story.wait(dayMs)
  }
  await story.commit()
  const ages = { eventsMs: 0, journalMs: 0, mailMs: 0, now: story.now + 1 }
  const purge = async (): Promise<number | undefined> => {
    const floors = await retentionFloors(story, ages, new AbortController().signal)
    await runRetention({ ...story, floors })
    return floors.find(({ stream }) => stream === streamNames(names).events)?.belowSeq
  }
  expect(await purge()).toBe(2)
  await story.order('resume', 'label')
  await story.catchUp()
  expect(story.pending).toHaveLength(3)
  for (let held = 1; held <= 3; held++) story.answer(succeeded)
  await story.commit()
  expect(await checkHistory(story)).toMatchObject({ findings: [], open: 0, unread: 0 })
  expect(await replayAll(story)).toMatchObject({ dispatches: 8, diverged: 0 })
  expect(await purge()).toBe(4)
})

test('14.1 a dispatch that a pause held back replays alone, also where its binding changed since', async () => {
  const story = createStory()
  const audit = binding({ id: 'audit', on: ['issue.opened'] })
  await story.deploy(binding(), audit)
  story.epoch()
  await story.order('pause', 'label')
  await story.order('pause', 'audit')
  await story.send()
  const pushes = binding({ id: 'audit', version: 2, on: ['push'] })
  await story.deploy(binding({ version: 2, onPermanentError: 'fail' }), pushes)
  await story.order('resume', 'label')
  await story.order('resume', 'audit')
  await story.catchUp()
  story.answer(succeeded)
  await story.commit()
  const [dispatch = ''] = story.ended()
  const { slice, divergence } = await sliceOf(story, 'triage', dispatch)
  expect(divergence).toBeUndefined()
  expect(slice.event?.type).toBe('issue.opened')
  const again = readExport(sha256, 'file', writeExport(sha256, slice, 1))
  for (const one of [slice, again]) {
    const steps = [...replaySlice(one, sha256)]
    expect(steps.map(({ transition }) => transition?.to)).toEqual(['attempting', 'succeeded'])
    expect(
      steps.flatMap(({ differences, whole }) => [...differences, ...(whole ? [] : [1])]),
    ).toEqual([])
  }
  const today = { binding: binding({ version: 2, onPermanentError: 'fail' }) }
  expect([...replaySlice(slice, sha256, today)].flatMap((one) => one.differences)).toEqual([])
})
