import { connect } from '@nats-io/transport-node'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  leaseCommands,
  logCommands,
  snapshotCommands,
  transcript,
  type Command,
} from '../../packages/log/test/commands.ts'
import { logConformance } from '../../packages/log/test/conformance.ts'
import { jetStreamWorld } from '../../packages/log/test/fixture/worlds.ts'
import { storeConformance } from '../../packages/log/test/store-conformance.ts'
import { natsFixture } from '../fixture/nats.ts'
import { simulatedWorld, type SimulatedWorld } from './simulated-world.ts'
import { troubles } from './world/weather.ts'

/* With nothing wrong the simulated ports answer what the real server answers; and whatever is wrong
 * with the wire changes when an answer comes, but not what it is. */

logConformance('simulated', () => simulatedWorld())
logConformance('simulated, readers with a hand', () => simulatedWorld({ handMs: 20 }))
storeConformance('simulated', () => simulatedWorld())

/** More of them: `CONFORMANCE_RUNS=2000`. */
const runs = Number(process.env['CONFORMANCE_RUNS'] ?? 100)

describe('the simulated log and a real server answer the same', () => {
  const nats = natsFixture()
  let nc: Awaited<ReturnType<typeof connect>>
  beforeAll(async () => {
    nc = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 })
  })
  afterAll(() => nc.close())

  async function same(sequence: readonly Command[], options: SimulatedWorld): Promise<void> {
    const simulated = await transcriptOf(() => simulatedWorld(options), sequence)
    expect(simulated).toEqual(await transcriptOf(() => jetStreamWorld(nc), sequence))
  }
  const law = (commands: typeof logCommands, numRuns: number, options: SimulatedWorld = {}) =>
    fc.assert(
      fc.asyncProperty(commands, (sequence) => same(sequence, options)),
      { numRuns },
    )

  test(`to ${runs} sequences`, () => law(logCommands, runs), 600_000)
  test(
    'with readers that hand out slowly',
    () => law(logCommands, Math.ceil(runs / 4), { handMs: 20 }),
    600_000,
  )
  test('leases', () => law(leaseCommands, Math.ceil(runs / 4)), 600_000)
  test('snapshots', () => law(snapshotCommands, Math.ceil(runs / 5)), 600_000)

  // What is sent on doubt may be stored twice, so it is left out: appends never are.
  const appends = logCommands.map((all) => all.filter(({ kind }) => kind !== 'send'))
  test.each(troubles)(
    'whatever the wire does to every tenth request: %s',
    (what) =>
      fc.assert(
        fc.asyncProperty(appends, fc.nat(), (sequence, seed) => {
          const spell = { until: Infinity, on: undefined, what, share: 0.1 }
          return same(sequence, { seed, weather: (weather) => weather.trouble(spell) })
        }),
        // The same every time: after seven losses in a row a read may say that nobody answers.
        { numRuns: Math.ceil(runs / 8), seed: 1 },
      ),
    600_000,
  )
})

async function transcriptOf(
  open: () => ReturnType<typeof simulatedWorld>,
  sequence: readonly Command[],
): Promise<unknown[]> {
  await using world = await open()
  return await transcript(world, sequence)
}
