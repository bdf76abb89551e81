import type { HostedApp } from '@waybill/core'
import {
  createHost,
  deployApp,
  ledgersOnly,
  virtualClock,
  type Host,
  type VirtualClock,
} from '@waybill/engine'
import {
  createMemoryLeases,
  createMemoryServer,
  createMemorySnapshots,
  decodeEntry,
  openMemoryLog,
  sha256,
  streamNames,
  topology,
  type MemoryServer,
} from '@waybill/log'
import type { App } from '../app.ts'
import { createClient, type Client } from '../client.ts'
import { createDispatches, type Dispatches } from './dispatches.ts'
import { createSettle } from './settle.ts'

/** One partition of each app, and a server with nobody else on it. */
export const plan = topology.parse({ slots: 1 })
const never = 100 * 365 * 24 * 3_600_000

/** Everything that runs in a bed. */
export interface World {
  readonly clock: VirtualClock
  readonly client: Client
  readonly host: Host
  readonly dispatches: Dispatches
  /** By app; the second one leads the ledgers that apps share, where the first has such limits. */
  readonly journals: ReadonlyMap<string, readonly Uint8Array[]>
  readonly settle: () => Promise<void>
  /** Resolves when so much of the bed's time has passed. */
  readonly sleep: (ms: number) => Promise<void>
  readonly close: () => Promise<void>
}

export async function openWorld(app: App, startMs: number, patienceMs: number): Promise<World> {
  const clock = virtualClock(startMs)
  const server = createMemoryServer({ topology: plan, now: () => clock.now() })
  const log = openMemoryLog({ server, hash: sha256 })
  const leases = createMemoryLeases()
  const snapshots = createMemorySnapshots()
  const dispatches = createDispatches()
  const journals = new Map<string, Uint8Array[]>()
  const stop = new AbortController()
  const { sleep, asleep } = createSleep(clock)
  await deployApp(log, plan, app, { by: 'test', now: () => clock.now() })
  const host = hostOf(app)
  const hosts = hasGlobalLimit(app) ? [host, hostOf(ledgersOnly)] : [host]
  const running = Promise.all(hosts.map((one) => one.run(stop.signal)))
  const moved = (): string => progressOf(server, hosts)
  const settle = createSettle({ hosts, running, moved, asleep, patienceMs })
  const client = await createClient({ log, topology: plan, source: 'test', now: () => clock.now() })
  await settle()
  return { clock, client, host, dispatches, journals, settle, sleep, close }

  function hostOf(hosted: HostedApp<AbortSignal>): Host {
    const journal: Uint8Array[] = []
    journals.set(hosted.name, journal)
    return createHost({
      log,
      app: hosted,
      clock,
      topology: plan,
      leases,
      snapshots,
      instance: 'test',
      // Nobody else is there to take over, so no virtual hour is spent on renewing leases.
      limits: { leaseMs: never, renewEveryMs: never },
      reply: () => undefined,
      onCommitted: ({ entries }) => {
        for (const bytes of entries) {
          journal.push(bytes)
          if (hosted === app) dispatches.record(decodeEntry(bytes))
        }
      },
    })
  }

  async function close(): Promise<void> {
    await client.close()
    for (const one of hosts) one.kill()
    stop.abort()
    await running.catch(() => undefined)
    await log[Symbol.asyncDispose]()
  }
}

/** Handlers that wait for the bed's time, counted. */
function createSleep(
  clock: VirtualClock,
): Pick<World, 'sleep'> & { readonly asleep: () => number } {
  let asleep = 0
  return {
    asleep: () => asleep,
    sleep(ms) {
      asleep += 1
      const { promise, resolve } = Promise.withResolvers<void>()
      clock.wake(clock.now() + ms, () => {
        asleep -= 1
        resolve()
      })
      return promise
    },
  }
}

const hasGlobalLimit = ({ definitions }: App): boolean =>
  definitions.some(({ flow }) => flow?.limits.some(({ scope }) => scope === 'global'))

/** Changes whenever anything happened. */
function progressOf(server: MemoryServer, hosts: readonly Host[]): string {
  const { events, mail, journal } = streamNames(plan)
  const stored = [events, mail, journal].map((name) => server.stream(name).info().lastSeq)
  const states = hosts.map((host) => {
    const { room, partitions } = host.status()
    return [room, partitions.map(({ state, stepped }) => [state, stepped])]
  })
  return JSON.stringify([stored, states])
}
