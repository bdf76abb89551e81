import { expect, test } from 'vitest'
import { streamNames } from '@waybill/log'
import { binding, createStory, names } from '../../history/test/story.ts'
import { retentionFloors } from '../src/retention.ts'

test('the letter that an edited event lies in stays while its redrive is open', async () => {
  const story = createStory()
  await story.deploy(binding())
  story.epoch()
  const event = await story.send()
  const error = { class: 'permanent', name: 'E', message: 'no', causeClass: 'unknown' } as const
  await story.commit()
  story.answer({ status: 'failed', error, sent: [], ms: 1 })
  await story.commit()
  const [dead] = story.partition.dead.keys()
  const edited = { ...event, data: 'y' }
  const asked = { version: 'same', by: 'ann', reason: 'typo' } as const
  await story.letter({ kind: 'redrive', dispatches: [dead!], ...asked, event: edited })
  await story.commit()
  const [open] = story.partition.dispatches.values()
  // More letters after it: the partition's place in its mailbox is behind it by far.
  for (let n = 0; n < 3; n++) await story.cancel({ kind: 'dispatch', dispatch: dead! })
  await story.commit()
  const ages = { eventsMs: 0, journalMs: 0, mailMs: 0, now: story.now + 1 }
  const floors = await retentionFloors(story, ages, new AbortController().signal)
  const { mail } = streamNames(names)
  expect(open?.origin.ref.stream.startsWith(`${mail}.`)).toBe(true)
  const needed = open?.origin.ref.seq ?? 0
  for (const { stream, belowSeq } of floors) {
    if (stream === mail) expect(belowSeq).toBeLessThanOrEqual(needed)
  }
})
