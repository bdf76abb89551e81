import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { judge } from '../judge.ts'
import { startLoad } from '../load.ts'
import type { Scenario } from '../scenario.ts'
import { single, startStack, type Stack } from '../stack.ts'

const seconds = 10
const warmSeconds = 3
/** What V8 does with its heap aside; a queue that grows without bound is far beyond it. */
const growthMax = 1.5

/** Ten times the senders for some seconds, as fast as they can; memory must not follow. */
export const overload: Scenario = {
  what: `${seconds} s of senders that do not wait, and flat memory`,
  rounds: 1,
  missing: () =>
    Promise.resolve(process.platform === 'linux' ? undefined : 'needs /proc, to see memory'),
  async run(dir, rounds) {
    await using stack = await startStack(dir, await single(join(dir, 'nats')))
    const load = startLoad(stack.ingress, { inFlight: 40, everyMs: 0, eventsMax: 30_000 })
    await wait(warmSeconds * 1000)
    const warm = await megabytesOf(stack)
    await wait(seconds * rounds * 1000)
    const late = await megabytesOf(stack)
    await load.stop()
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

async function megabytesOf({ services, dispatchers }: Stack): Promise<Record<string, number>> {
  const pids: Record<string, number> = { ingress: services.ingress.pid }
  for (const { name, pid } of dispatchers) pids[name] = pid
  const sizes = Object.entries(pids).map(async ([name, pid]) => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1])
    return [name, Math.round(kilobytes / 1024)] as const
  })
  return Object.fromEntries(await Promise.all(sizes))
}
