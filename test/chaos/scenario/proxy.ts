import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { judge } from '../judge.ts'
import { startLoad } from '../load.ts'
import { startProxy, type Weather } from '../proxy.ts'
import type { Scenario } from '../scenario.ts'
import { single, startStack } from '../stack.ts'

const weathers = ['frozen', 'deaf', 'mute', 'slow'] as const satisfies readonly Weather[]
/** Longer than the time after which a request counts as unanswered, shorter than the lease. */
const badMs = 4000
const leaseMs = 8000

/** All services reach the server through a proxy: RST, a freeze, loss one way, 50 B/s, in turn. */
export const proxy: Scenario = {
  what: 'a bad line between services and server: RST, freeze, one-way loss, 50 B/s',
  rounds: 5,
  async run(dir, rounds) {
    const server = await single(join(dir, 'nats'))
    await using line = await startProxy(server.server.port)
    const backend = { ...server, services: line.url }
    await using stack = await startStack(dir, backend, { leaseMs })
    const load = startLoad(stack.ingress)
    for (let round = 0; round < rounds; round++) {
      const before = load.acknowledged.size
      await wait(500 + Math.random() * 500)
      const weather = weathers[(round % (weathers.length + 1)) - 1]
      if (weather) {
        line.weather = weather
        await wait(badMs)
        line.weather = 'clear'
      }
      // What has lost bytes is not whole again by itself; only RST ends it.
      if (weather === undefined || weather === 'deaf' || weather === 'mute') line.reset()
      while (load.acknowledged.size <= before) await wait(20)
    }
    await load.stop()
    const judged = await judge(stack, load.acknowledged)
    return { ...judged, refused: load.refused, problems: [...judged.problems, ...load.wrong] }
  },
}
