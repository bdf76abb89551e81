import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { judge } from '../judge.ts'
import { startLoad } from '../load.ts'
import type { Scenario } from '../scenario.ts'
import { single, startStack } from '../stack.ts'

const withinMs = 500

/**
 * kill -9 of one of two dispatchers at random moments, in turn. It comes back under its name at
 * once, so its lock tells it that the one before is dead and it need not wait for the lease.
 */
export const killDispatcher: Scenario = {
  what: 'kill -9 of dispatchers at random moments',
  rounds: 20,
  async run(dir, rounds) {
    await using stack = await startStack(dir, await single(join(dir, 'nats')))
    const load = startLoad(stack.ingress, { everyMs: 20, eventsMax: Infinity })
    await pause(withinMs)
    for (let round = 0; round < rounds; round++) {
      await pause(Math.random() * withinMs)
      await stack.dispatchers[round % 2]?.restart()
    }
    await load.stop()
    const judged = await judge(stack, load.acknowledged)
    return { ...judged, problems: [...judged.problems, ...load.wrong] }
  },
}
