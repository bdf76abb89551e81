import type { KeyedLimit } from '@waybill/core'
import { runRetention, streamNames } from '@waybill/log'
import { expect, test } from 'vitest'
import {
  appOf,
  createSystem,
  definition,
  ends,
  eventually,
  leading,
  transitions,
  until,
} from '../../engine/test/system.ts'
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

test('the event of a dead letter stays until somebody has decided about it', async () => {
  const story = createStory()
  await story.deploy(binding())
  story.epoch()
  await story.send()
  const error = { class: 'permanent', name: 'E', message: 'no', causeClass: 'unknown' } as const
  await story.commit()
  story.answer({ status: 'failed', error, sent: [], ms: 1 })
  await story.commit()
  const [dead = ''] = story.partition.dead.keys()
  const needed = story.partition.dead.get(dead)?.origin?.ref.seq
  // The partition's place among the events is behind it.
  await story.send()
  story.answer({ status: 'succeeded', sent: [], ms: 1 })
  await story.commit()
  const { events } = streamNames(names)
  const floor = async (): Promise<number> => {
    const ages = { eventsMs: 0, journalMs: 0, mailMs: 0, now: story.now + 1 }
    const floors = await retentionFloors(story, ages, new AbortController().signal)
    return Math.max(
      0,
      ...floors.filter(({ stream }) => stream === events).map((one) => one.belowSeq),
    )
  }
  expect(await floor()).toBeLessThanOrEqual(needed ?? 0)
  await story.letter({ kind: 'discard', dispatches: [dead], by: 'ann', reason: 'old' })
  await story.commit()
  expect(await floor()).toBeGreaterThan(needed ?? 0)
})

test('what was merged into a batch stays while the batch is open, in whatever slot it came', async () => {
  const size = 8
  const limit: KeyedLimit = {
    name: 'batch',
    scope: 'app',
    rule: { kind: 'batch', size, timeoutMs: 3_600_000 },
  }
  const system = createSystem({ slots: 2 })
  const given: (readonly unknown[])[] = []
  const app = appOf({
    definitions: [definition({ flow: { limits: [limit], holdWhileRetrying: false } })],
    run: async ({ attempt, batch = [] }) => {
      given.push(batch.map(({ data }) => data))
      if (attempt === 1) throw new Error('once more')
      return undefined
    },
  })
  await system.deploy(app)
  const first = system.host(app)
  await until('it leads', () => leading(first) === 2)
  const sent = Array.from({ length: size }, (_, n) => n)
  const ids = await system.send(...sent.map((data) => ({ data })))
  expect(new Set(ids.map((id) => id.split('-')[1])).size).toBe(2)
  await eventually(system, 'all but the leader ended, which waits', async () => {
    const moves = transitions(await system.journal())
    const merged = ends(await system.journal()).size === size - 1
    return merged && moves.some(({ to }) => to === 'retryWait')
  })

  const ages = { eventsMs: 0, journalMs: 0, mailMs: 0, now: system.clock.now() + 1 }
  const floors = await retentionFloors(system, ages, new AbortController().signal)
  await runRetention({ log: system.log, topology: system.topology, floors })
  // Whoever takes over has nothing of it in memory.
  first.crash()
  const second = system.host(app)
  await eventually(system, 'it ran again', () => given.length === 2)
  expect(given).toEqual([sent, sent])
  await second.stop()
})
