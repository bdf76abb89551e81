import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { judge } from '../judge.ts'
import { startLoad } from '../load.ts'
import type { Scenario } from '../scenario.ts'
import { single, startStack, type Stack } from '../stack.ts'

const seconds = 60
const warmSeconds = 20
const sampleSeconds = 5
/** Ten times what other scenarios send with, a hundred times as often. */
const senders = 40
/**
 * V8 collects when its heap is full, not when it could: with the room that it gives itself every
 * process grows for minutes, and what it shows is no leak. So it gets little, and a process that
 * keeps what it should not dies of it.
 */
const heap = '--max-old-space-size=128 --max-semi-space-size=4'
/**
 * Between the largest of the first ten seconds after the warm-up and the largest of the last ten. What
 * still fills up then has its bound: 50,000 known ids in ingress, 64 MB of pages in the projector.
 */
const growthMax = 1.25

/** Senders that do not wait, for a minute a round; memory must not follow. */
export const overload: Scenario = {
  what: `${senders} senders that do not wait, ${seconds} s, flat memory in a heap of 128 MB`,
  rounds: 1,
  missing: () =>
    Promise.resolve(process.platform === 'linux' ? undefined : 'needs /proc, to see memory'),
  async run(dir, rounds) {
    const settings = { NODE_OPTIONS: heap }
    await using stack = await startStack(dir, await single(join(dir, 'nats')), { settings })
    const load = startLoad(stack.ingress, { inFlight: senders, everyMs: 0, eventsMax: Infinity })
    await wait(warmSeconds * 1000)
    const samples: Sizes[] = []
    for (let at = warmSeconds; at < seconds * rounds; at += sampleSeconds) {
      await wait(sampleSeconds * 1000)
      samples.push(await megabytesOf(stack))
    }
    await load.stop()
    const warm = largest(samples.slice(0, 2))
    const late = largest(samples.slice(-2))
    const judged = await judge(stack, load.acknowledged)
    const grown = Object.keys(warm).filter(
      (name) => (late[name] ?? 0) > growthMax * (warm[name] ?? 0),
    )
    return {
      ...judged,
      refused: load.refused,
      warmMegabytes: warm,
      lateMegabytes: late,
      problems: [
        ...judged.problems,
        ...load.wrong,
        ...grown.map((name) => `${name} grew from ${warm[name]} to ${late[name]} MB`),
      ],
    }
  },
}

type Sizes = Readonly<Record<string, number>>

async function megabytesOf({ services, dispatchers }: Stack): Promise<Sizes> {
  const all = [...Object.values(services), ...dispatchers]
  const sizes = all.map(async ({ name, pid }) => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch((cause: unknown) => {
      throw new Error(`${name} has ended`, { cause })
    })
    const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1])
    return [name, Math.round(kilobytes / 1024)] as const
  })
  return Object.fromEntries(await Promise.all(sizes))
}

function largest(samples: readonly Sizes[]): Sizes {
  const names = Object.keys(samples[0] ?? {})
  return Object.fromEntries(
    names.map((name) => [name, Math.max(...samples.map((sample) => sample[name] ?? 0))]),
  )
}
