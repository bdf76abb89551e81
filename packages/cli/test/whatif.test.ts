import { decodeEntry, sha256, walk } from '@waybill/log'
import { expect, test } from 'vitest'
import { binding, createStory, failed, succeeded, type Story } from '../../history/test/story.ts'
import { simulate } from '../src/whatif/index.ts'
import { Recording } from '../src/whatif/record.ts'

/** What the journal of a story tells of the time since then, through the settings that it had. */
async function again(story: Story, since: number) {
  await story.commit()
  const recording = new Recording(story.id, since)
  for await (const { entries } of walk(story)) {
    for (const entry of entries) recording.take(decodeEntry(entry))
  }
  const partitions = [recording.record]
  return simulate({ hash: sha256, slots: 1, since, partitions, changes: [] })
}

async function begun(): Promise<Story> {
  const story = createStory()
  await story.deploy(binding())
  story.epoch()
  return story
}

test('14.5 what a pause held back is left out, and that is said', async () => {
  const story = await begun()
  await story.order('pause', 'label')
  for (let n = 0; n < 3; n++) await story.send()
  await story.commit()
  await story.order('resume', 'label')
  await story.commit()
  await story.catchUp()
  while (story.pending.length > 0) story.answer(succeeded)
  const { unknown } = await again(story, 0)
  expect(unknown).toEqual({
    'events that a pause held back and that were given after it: left out': 3,
  })
})

test('14.5 a redrive of what died in the period is run, of what died before it is left out', async () => {
  const story = await begun()
  const dies = async (): Promise<string> => {
    await story.send()
    while (story.pending.length > 0) {
      story.answer(failed())
      story.wait(600_000)
    }
    return story.ended().at(-1) ?? ''
  }
  const redriven = async (id: string) => {
    const why = { by: 'ann', reason: 'mended' }
    await story.letter({ kind: 'redrive', dispatches: [id], version: 'active', ...why })
    story.answer(succeeded)
  }
  const earlier = await dies()
  story.wait(1000)
  const since = story.now
  const dead = await dies()
  await redriven(earlier)
  await redriven(dead)
  const { unknown, partitions } = await again(story, since)
  expect(unknown).toEqual({
    'redrives and discards of what had begun before the period: left out': 1,
  })
  const states = partitions.flatMap((one) => [...one.dispatches.values()].map(({ state }) => state))
  expect(states.sort()).toEqual(['dlq', 'succeeded'])
})
