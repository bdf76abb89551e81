import type { LeaseChange, LeaseStore, LeaseValue, SnapshotStore } from '@waybill/log'
import type { Network } from './network.ts'

const patienceMs = 15_000

/** The lease bucket over a network: written as the log is, asked again until it is answered. */
export function simulatedLeases(bucket: LeaseStore, network: Network): LeaseStore {
  const ask = <T>(what: string, carryOut: () => T): Promise<Awaited<T>> =>
    network.ask('leases', what, carryOut, { patienceMs })
  return {
    get: (key) => ask(key, () => bucket.get(key)),
    put: (key, value, revision) => ask(key, () => bucket.put(key, value, revision)),
    remove: (key, revision) => ask(key, () => bucket.remove(key, revision)),
    list: (prefix): Promise<readonly (LeaseValue & { key: string })[]> =>
      ask(prefix, () => bucket.list(prefix)),
    async *watch(prefix, signal): AsyncGenerator<LeaseChange, void> {
      await ask(prefix, () => undefined)
      for await (const change of bucket.watch(prefix, signal)) {
        await network.process.sleep(network.latency())
        // While the bucket is away nothing is told; afterwards all of it is, in order.
        while (network.weather.isAway(network.process.name, 'leases')) {
          await network.process.sleep(awayPollMs)
        }
        yield change
      }
    },
  }
}

const awayPollMs = 500

export function simulatedSnapshots(store: SnapshotStore, network: Network): SnapshotStore {
  const ask = <T>(what: string, carryOut: () => T): Promise<Awaited<T>> =>
    network.ask('snapshots', what, carryOut, { patienceMs })
  return {
    put: (name, bytes) => ask(name, () => store.put(name, bytes)),
    get: (name) => ask(name, () => store.get(name)),
    list: (prefix) => ask(prefix, () => store.list(prefix)),
    remove: (name) => ask(name, () => store.remove(name)),
  }
}
