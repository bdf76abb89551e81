import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { natsFixture } from '../../../test/fixture/nats.ts'
import { leaseCommands, logCommands, snapshotCommands, transcript } from './commands.ts'
import { logConformance } from './conformance.ts'
import { storeConformance } from './store-conformance.ts'
import { jetStreamWorld, memoryWorld } from './fixture/worlds.ts'

const nats = natsFixture()
let nc: NatsConnection
beforeAll(async () => {
  nc = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 })
})
afterAll(() => nc.close())

logConformance('JetStream', () => jetStreamWorld(nc))
storeConformance('JetStream', () => jetStreamWorld(nc))

describe('memory and JetStream answer the same', () => {
  const same = (commands: typeof logCommands, numRuns: number) =>
    fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        await using memory = await memoryWorld()
        await using real = await jetStreamWorld(nc)
        const wanted = await transcript(memory, sequence)
        expect(await transcript(real, sequence)).toEqual(wanted)
      }),
      { numRuns },
    )

  test('the log', () => same(logCommands, 100), 60_000)
  test('leases', () => same(leaseCommands, 40), 60_000)
  test('snapshots', () => same(snapshotCommands, 30), 60_000)
})
