import { createMemoryLeases, createMemorySnapshots } from '@waybill/log'
import { logConformance } from '../../packages/log/test/conformance.ts'
import { storeConformance } from '../../packages/log/test/store-conformance.ts'
import { topology } from '../../packages/log/test/fixture/topology.ts'
import type { OpenWorld } from '../../packages/log/test/fixture/worlds.ts'
import { SimulatedLog } from './world/log.ts'
import { Network } from './world/network.ts'
import { Process } from './world/process.ts'
import { random } from './world/random.ts'
import { Schedule } from './world/schedule.ts'
import { Server } from './world/server.ts'
import { simulatedLeases, simulatedSnapshots } from './world/stores.ts'
import { Weather } from './world/weather.ts'

/** The simulated ports, with nothing wrong: what the real server passes, they pass. */
const simulatedWorld = async (handMs: number): ReturnType<OpenWorld> => {
  const schedule = new Schedule(1_700_000_000_000)
  const server = new Server(topology, schedule)
  const process = new Process(schedule, 'tester')
  const network = new Network(
    schedule,
    new Weather(schedule),
    process,
    random('conformance'),
    handMs,
  )
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

logConformance('simulated', () => simulatedWorld(0))
logConformance('simulated, readers with a hand', () => simulatedWorld(20))
storeConformance('simulated', () => simulatedWorld(0))
