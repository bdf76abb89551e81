import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { judge } from '../judge.ts'
import { startLoad } from '../load.ts'
import type { Scenario } from '../scenario.ts'
import { single, startStack } from '../stack.ts'

/** kill -9 of the server under load; it starts again on what it has stored. */
export const killNats: Scenario = {
  what: 'kill -9 of the server under load',
  rounds: 10,
  async run(dir, rounds) {
    const backend = await single(join(dir, 'nats'))
    await using stack = await startStack(dir, backend)
    const load = startLoad(stack.ingress)
    for (let round = 0; round < rounds; round++) {
      const before = load.acknowledged.size
      await pause(500 + Math.random() * 500)
      await backend.server.kill('SIGKILL')
      await backend.start()
      while (load.acknowledged.size <= before) await pause(20)
    }
    await load.stop()
    const judged = await judge(stack, load.acknowledged)
    return { ...judged, problems: [...judged.problems, ...load.wrong] }
  },
}
