import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { judge } from '../judge.ts'
import { startLoad } from '../load.ts'
import type { Scenario } from '../scenario.ts'
import { single, startStack } from '../stack.ts'

const leaseMs = 1500

/** SIGSTOP for longer than the lease: the other takes over, and who wakes up finds itself fenced. */
export const pause: Scenario = {
  what: 'SIGSTOP of a dispatcher for two leases',
  rounds: 3,
  async run(dir, rounds) {
    await using stack = await startStack(dir, await single(join(dir, 'nats')), { leaseMs })
    const load = startLoad(stack.ingress)
    for (let round = 0; round < rounds; round++) {
      const victim = stack.dispatchers[round % 2]
      await wait(500 + Math.random() * 500)
      victim?.kill('SIGSTOP')
      await wait(2 * leaseMs)
      victim?.kill('SIGCONT')
      await wait(leaseMs)
    }
    await load.stop()
    const judged = await judge(stack, load.acknowledged)
    const isTaken = judged.epochs > 4
    return {
      ...judged,
      problems: [
        ...judged.problems,
        ...load.wrong,
        ...(isTaken ? [] : ['nobody took a partition over']),
      ],
    }
  },
}
