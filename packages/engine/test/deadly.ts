import type { HostedApp } from '@waybill/core'
import { appOf, ends, eventually, type RunningHost, type System } from './system.ts'

/** An app whose events of data `poison` take down whoever judges them, and hosts one after the other. */
export interface Deadly {
  readonly app: HostedApp<AbortSignal>
  readonly deaths: number
  /** Hosts follow each other until one dispatch ends; answers the last one. */
  livesUntilEnded(system: System): Promise<RunningHost | undefined>
}

export function deadlyApp(): Deadly {
  let alive: RunningHost | undefined
  let deaths = 0
  const app = appOf({
    verdict: (_, event) => {
      if (event.data !== 'poison') return 'matched'
      deaths += 1
      alive?.crash()
      throw new Error('and with it the process')
    },
  })
  return {
    app,
    get deaths() {
      return deaths
    },
    async livesUntilEnded(system) {
      const ended = async () => ends(await system.journal()).size === 1
      for (let process = 1; process <= 6 && !(await ended()); process++) {
        alive = system.host(app)
        await eventually(system, 'it dies, or the good one ends', async () => {
          return deaths >= process || (await ended())
        })
      }
      return alive
    },
  }
}
