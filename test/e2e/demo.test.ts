import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'

/*
 * The demo with something that breaks in the middle of the load, each time as its own process. The
 * demo checks itself (exit code); here it is held to what its summary says.
 */

const main = fileURLToPath(new URL('../demo/main.ts', import.meta.url))
const withinMs = 240_000

const summary = z.object({
  events: z.int(),
  dispatches: z.int(),
  states: z.record(z.string(), z.int()),
  duplicates: z.int(),
  rejected: z.int(),
  replayed: z.int(),
  diverged: z.int(),
  lost: z.int(),
  doubled: z.int(),
  epochs: z.int(),
  ms: z.int(),
})

function demo(...args: string[]): Promise<{ code: number; said: string; result: unknown }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--conditions=@waybill/source', main, '--json', ...args],
      { timeout: withinMs - 10_000 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : Number(error.code ?? -1)
        resolve({ code, said: stderr, result: code === 0 ? JSON.parse(stdout) : undefined })
      },
    )
  })
}

const faults = [
  { name: 'a dispatcher is killed', args: ['--kill', 'dispatcher'], epochsMin: 5 },
  { name: 'the server is killed', args: ['--kill', 'nats'], epochsMin: 4 },
  { name: 'a dispatcher sleeps past its lease', args: ['--pause', 'dispatcher'], epochsMin: 5 },
]

test.each(faults)(
  'separate processes, and $name: one end per event and binding, and all of it replays',
  { timeout: withinMs },
  async ({ args, epochsMin }) => {
    const { code, said, result } = await demo('--processes', '--act', '1', ...args)
    expect({ code, said: code === 0 ? '' : said }).toEqual({ code: 0, said: '' })
    const { events, dispatches, states, replayed, epochs, ...rest } = summary.parse(result)
    expect(rest).toMatchObject({ diverged: 0, lost: 0, doubled: 0, rejected: 8, duplicates: 33 })
    expect(events).toBeGreaterThan(329)
    expect(replayed).toBe(dispatches)
    expect(Object.keys(states).sort()).toEqual(['dlq', 'skipped', 'succeeded'])
    // The takeover happened: without it this would prove nothing.
    expect(epochs).toBeGreaterThanOrEqual(epochsMin)
  },
)
