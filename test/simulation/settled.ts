import type { PartitionStatus } from '@waybill/engine'
import { streamNames, subjects } from '@waybill/log'
import { appName } from './app.ts'
import type { Instance, Surroundings } from './instance.ts'
import type { Server } from './world/server.ts'

/** Every partition is led, has read all there is for it, and nothing in it is open. */
export function isSettled(
  { server, topology }: Pick<Surroundings, 'server' | 'topology'>,
  instances: ReadonlyMap<string, Instance>,
): boolean {
  const led = new Map(
    [...instances.values()]
      .flatMap(({ hosts }) => hosts.flatMap((host) => host.status().partitions))
      .filter(({ state }) => state === 'leading' || state === 'halted')
      .map((partition) => [partition.slot, partition]),
  )
  for (let slot = 0; slot < topology.slots; slot++) {
    const one = led.get(slot)
    if (!one) return false
    if (one.state !== 'halted' && !isAtRest(one, server)) return false
  }
  return true
}

function isAtRest(one: PartitionStatus, { memory, topology }: Pick<Server, 'memory' | 'topology'>) {
  const { events, mail } = streamNames(topology)
  const { events: event, mailbox } = subjects(topology)
  const box = mailbox(appName, one.slot, 'ask').slice(0, -1)
  const isRead = (stream: string, position: string, start: string): boolean => {
    const there = memory.stream(stream).slice((subject) => subject.startsWith(start), 1)
    return (one.confirmed.positions[position]?.seq ?? 0) >= (there.at(-1)?.seq ?? 0)
  }
  return (
    one.open + one.hot + one.uncommitted === 0 &&
    isRead(events, events, event(one.slot)) &&
    isRead(mail, `${mail}.ask`, box)
  )
}
