import { createPartition } from '@waybill/core'
import { embeddedTopology, sha256, type EventLog, type Reader, type Stored } from '@waybill/log'
import { expect, test } from 'vitest'
import { systemClock } from '../src/clock.ts'
import { lanesOf } from '../src/lanes.ts'
import { hostLimits } from '../src/limits.ts'
import type { Loop } from '../src/partition.ts'
import { LaneReader } from '../src/reader.ts'

const message = (seq: number): Stored => ({
  stream: 'EVENTS_g1',
  subject: 'wb.event.1.0',
  seq,
  at: 0,
  bytes: new Uint8Array(),
})

test('what an old reader still brings after it was replaced is not delivered', async () => {
  const heard: AsyncGenerator<Stored>[] = []
  const delivered: number[] = []
  const wait: PromiseWithResolvers<void>[] = []
  let arrived = Promise.withResolvers<void>()
  // A reader that had more in its hand when it was told to stop, as one over a network has.
  async function* slowToStop(): AsyncGenerator<Stored> {
    const go = Promise.withResolvers<void>()
    wait.push(go)
    yield message(2744)
    await go.promise
    yield message(2749)
  }
  const follow = (): Reader => {
    const messages = slowToStop()
    heard.push(messages)
    return {
      grant: () => undefined,
      [Symbol.asyncIterator]: () => messages,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  }
  const lane = lanesOf(embeddedTopology, 'shop').events
  const partition = createPartition({ app: 'shop', generation: 1, slot: 0 }, sha256)
  const reader = new LaneReader({
    // The two calls that a lane's reader makes of a log, and of a loop the two fields it looks at.
    log: {
      follow,
      info: () => Promise.resolve({ firstSeq: 1, lastSeq: 9999 }),
    } as unknown as EventLog,
    lane,
    clock: systemClock,
    limits: hostLimits,
    deliver: ({ stored }) => {
      delivered.push(stored.seq)
      arrived.resolve()
    },
    forget: () => delivered.splice(0),
    lost: (_, cause) => expect.unreachable(cause.message),
    failed: (cause) => expect.unreachable(String(cause)),
  })
  const loops = [{ slot: 0, partition } as unknown as Loop]
  reader.read(loops)
  await arrived.promise
  arrived = Promise.withResolvers()
  reader.read(loops)
  // The first one speaks again, after what waited was forgotten and before the second one does.
  wait[0]?.resolve()
  await arrived.promise
  expect(delivered).toEqual([2744])
  expect(await heard[0]?.next()).toMatchObject({ done: true })
  reader.close()
})
