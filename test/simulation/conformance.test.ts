import { headers } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { subjects } from '@waybill/log'
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
import { brokenWire, mishaps } from '../../packages/log/test/fixture/broken-wire.ts'
import { createProxy } from '../../packages/log/test/fixture/proxy.ts'
import { jetStreamWorld } from '../../packages/log/test/fixture/worlds.ts'
import { storeConformance } from '../../packages/log/test/store-conformance.ts'
import { natsFixture } from '../fixture/nats.ts'
import { simulatedWorld, type SimulatedWorld } from './simulated-world.ts'
import { random } from './world/random.ts'
import { Schedule } from './world/schedule.ts'
import { Server } from './world/server.ts'
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

  // 10164 is what only the leader of a replicated stream answers.
  const request = fc.record({ slot: fc.nat(2), expected: fc.nat(5), byte: fc.nat(3) })
  test('to each request on its way to the log, with the same code', () =>
    fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 30 }), async (requests) => {
        await using world = await jetStreamWorld(nc)
        const server = new Server(world.topology, new Schedule(1_700_000_000_000))
        // All of them are under way at once.
        const answers = await Promise.all(
          requests.map(async ({ slot, expected, byte }) => {
            const subject = subjects(world.topology).journal('app', slot)
            const bytes = Uint8Array.of(byte)
            const expectation = headers()
            expectation.set('Nats-Expected-Last-Subject-Sequence', String(expected))
            const real = (
              await nc.request(subject, bytes, { headers: expectation, timeout: 5000 })
            ).json()
            return { real: codeOf(real), simulated: server.store({ subject, bytes, expected }) }
          }),
        )
        expect(answers.map(({ real }) => real)).toEqual(
          answers.map(({ simulated }) =>
            simulated.kind === 'moved' ? 10071 : simulated.kind === 'stored' && simulated.seq,
          ),
        )
      }),
      { numRuns: Math.ceil(runs / 4) },
    ))

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

  test.each(mishaps)(
    'and whatever a real wire does to every fourth request: %s',
    async (what) => {
      await using proxy = await createProxy(nats.url)
      const through = { servers: proxy.url, maxReconnectAttempts: -1, reconnectTimeWait: 20 }
      const behind = await connect(through)
      let struck = 0
      const shaky = async (seed: number) => {
        const chance = random(`wire/${seed}`)
        const mishap = () => {
          if (!chance.chance(0.25)) return undefined
          struck += 1
          return what
        }
        // As short as nobody should have it: what is late is asked again soon.
        const world = await jetStreamWorld(behind, { ackMs: what === 'late' ? 50 : 5000 })
        return brokenWire(world, { proxy, aside: nc, mishap })
      }
      await fc.assert(
        fc.asyncProperty(appends, fc.nat(), async (sequence, seed) => {
          const real = await transcriptOf(() => shaky(seed), sequence)
          expect(real).toEqual(await transcriptOf(simulatedWorld, sequence))
        }),
        { numRuns: Math.ceil(runs / 8) },
      )
      expect(struck).toBeGreaterThan(0)
      await behind.close()
    },
    600_000,
  )
})

/** The sequence of what was stored, or the code of the refusal. */
function codeOf(answer: unknown): unknown {
  const { seq, error } = answer as { seq?: number; error?: { err_code: number } }
  return error ? error.err_code : seq
}

async function transcriptOf(
  open: () => ReturnType<typeof simulatedWorld>,
  sequence: readonly Command[],
): Promise<unknown[]> {
  await using world = await open()
  return await transcript(world, sequence)
}
