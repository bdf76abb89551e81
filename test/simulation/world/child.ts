import type { HostedApp } from '@waybill/core'
import { runApart } from '../../../packages/engine/src/handlers/run-apart.ts'
import type { Spawn } from '../../../packages/engine/src/handlers/spawn.ts'
import { Process } from './process.ts'
import type { Random } from './random.ts'
import type { Schedule } from './schedule.ts'

export interface Children {
  /** Of this life of the parent. */
  readonly name: string
  readonly schedule: Schedule
  /** Dies, and its children with it. */
  readonly parent: Process
  readonly chance: Random
  /** The app as the child has it. */
  readonly load: (child: Process, kill: () => void) => HostedApp<AbortSignal>
}

/**
 * Child processes in virtual time. What they do with an attempt is production's; only starting,
 * ending and the pipe between the two are simulated.
 */
export function simulatedChildren({ name, schedule, parent, chance, load }: Children): Spawn {
  let count = 0
  return (hears) => {
    const child = new Process(schedule, `${name}/child-${++count}`, parent.skewMs, parent)
    const exited = Promise.withResolvers<void>()
    const delay = (): number => chance.between(0.1, 3)
    const inOrder = orderly()
    const die = (signal: string): void => {
      if (!child.alive) return
      child.die()
      // What it had written into the pipe is read before its end is.
      parent.after(inOrder(schedule.now, delay()), () => {
        exited.resolve()
        hears.gone(signal)
      })
    }
    const app = Promise.withResolvers<HostedApp<AbortSignal>>()
    const hear = runApart({
      app: app.promise,
      tell: (message) => {
        if (!child.alive) return
        parent.after(inOrder(schedule.now, delay()), () => hears.message(message))
      },
    })
    child.after(chance.between(20, 200), () => app.resolve(load(child, () => die('SIGKILL'))))
    const toChild = orderly()
    return {
      send: (message) => void child.after(toChild(schedule.now, delay()), () => hear(message)),
      kill: () => die('SIGKILL'),
      exited: exited.promise,
    }
  }
}

/** A pipe: nothing overtakes what was written before. */
function orderly(): (now: number, ms: number) => number {
  let last = 0
  return (now, ms) => {
    last = Math.max(last + 0.001, now + ms)
    return last - now
  }
}
