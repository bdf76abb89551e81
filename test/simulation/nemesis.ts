import { streamNames } from '@waybill/log'
import type { Fault, FaultKind } from './faults.ts'
import type { Ingress } from './ingress.ts'
import type { Instance, Surroundings } from './instance.ts'

export interface Victims extends Pick<
  Surroundings,
  'schedule' | 'server' | 'weather' | 'topology'
> {
  readonly instances: ReadonlyMap<string, Instance>
  readonly ingress: Ingress
}

/** Who it happens to: a host, or the door. */
interface Victim extends Victims {
  readonly instance: Instance | undefined
  /** Is it the door? */
  readonly door: boolean
  /** When what lasts is over. */
  readonly until: number
}

type Strike<K extends FaultKind> = (
  fault: Extract<Fault, { kind: K }>,
  victim: Victim,
) => (() => void) | undefined | void

/** Each does its fault, now, and answers what ends it. */
const strikes: { readonly [K in FaultKind]: Strike<K> } = {
  crash: ({ forMs }, { instance, door, ingress }) => {
    if (door) ingress.crash(forMs)
    instance?.crash(forMs)
  },
  stop: ({ forMs }, { instance }) => instance?.drain(forMs),
  pause: (_, { instance, door, ingress }) => {
    if (door) ingress.freeze()
    instance?.freeze()
    return () => {
      if (door) ingress.heal()
      instance?.thaw()
    }
  },
  clock: ({ byMs }, { instance }) => {
    instance?.skew(byMs)
    return () => instance?.skew(0)
  },
  double: (_, { instance }) => {
    instance?.double()
    return () => instance?.single()
  },
  wire: ({ what, share, on }, { weather, until }) => weather.trouble({ until, on, what, share }),
  'cut-off': ({ on }, { weather, until }) => weather.away({ until, on, service: 'all' }),
  outage: (_, { weather, server, until }) => {
    weather.away({ until, on: undefined, service: 'all' })
    return () => server.restart()
  },
  leases: (_, { weather, until }) => weather.away({ until, on: undefined, service: 'leases' }),
  snapshots: (_, { weather, until }) =>
    weather.away({ until, on: undefined, service: 'snapshots' }),
  stale: ({ on, share }, { weather, schedule, until }) =>
    weather.stale({ until, on, since: schedule.now, share }),
  readers: (_, { instance }) => instance?.cutReaders(),
  full: (_, { server }) => {
    server.full = true
    return () => (server.full = false)
  },
  power: ({ stream, count }, { server, topology }) =>
    server.cutTail(streamNames(topology)[stream], count),
}

export function strike(fault: Fault, victims: Victims): void {
  const { schedule, weather, instances, ingress } = victims
  const forMs = 'forMs' in fault ? fault.forMs : 0
  const on = 'on' in fault ? fault.on : undefined
  const instance = on === undefined ? undefined : instances.get(on)
  const victim = { ...victims, instance, door: on === ingress.name, until: schedule.now + forMs }
  weather.count(fault.kind)
  // TypeScript does not see that the strike is the one for this very fault.
  const end = (strikes[fault.kind] as Strike<FaultKind>)(fault, victim)
  if (end) schedule.after(forMs, end)
}
