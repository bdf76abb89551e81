import { createMemoryLeases, createMemorySnapshots } from '@waybill/log'
import { topology } from '../../packages/log/test/fixture/topology.ts'
import type { World } from '../../packages/log/test/fixture/worlds.ts'
import { SimulatedLog } from './world/log.ts'
import { Network } from './world/network.ts'
import { Process } from './world/process.ts'
import { random } from './world/random.ts'
import { Schedule } from './world/schedule.ts'
import { Server } from './world/server.ts'
import { simulatedLeases, simulatedSnapshots } from './world/stores.ts'
import { Weather } from './world/weather.ts'

export interface SimulatedWorld {
  readonly handMs?: number
  /** What is wrong with the wire from the start; nothing, if it is left out. */
  readonly weather?: (weather: Weather) => void
  readonly seed?: number
}

/** The simulated ports alone, as the conformance suites ask for them. */
export async function simulatedWorld(options: SimulatedWorld = {}): Promise<World> {
  const { handMs = 0, weather: spoil, seed = 0 } = options
  const schedule = new Schedule(1_700_000_000_000)
  const server = new Server(topology, schedule)
  const process = new Process(schedule, 'tester')
  const weather = new Weather(schedule)
  spoil?.(weather)
  const network = new Network(schedule, weather, process, random(`conformance/${seed}`), handMs)
  let open = true
  const running = (async () => {
    // Time stands still while nothing is asked for.
    while (open) {
      await schedule.run(Infinity)
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  const log = new SimulatedLog(server, network)
  return {
    topology,
    log,
    leases: simulatedLeases(createMemoryLeases(), network),
    snapshots: simulatedSnapshots(createMemorySnapshots(), network),
    async [Symbol.asyncDispose]() {
      await log[Symbol.asyncDispose]()
      open = false
      await running
    },
  }
}
