import { sharedApp } from '@waybill/core'
import type { HostStatus, PartitionStatus } from '@waybill/engine'
import { decodeBatch, streamNames, subjects } from '@waybill/log'
import type { Instance, Surroundings } from './instance.ts'
import type { Server } from './world/server.ts'

type World = Pick<Surroundings, 'server' | 'topology'>

/** So many looks in a row must find the same: a letter may be on its way between two of them. */
const looks = 4

/** Every partition is led, has read all there is for it, nothing in it is open, and nothing comes. */
export class Rest {
  readonly #world: World
  #seen = 0
  #last = ''

  constructor(world: World) {
    this.#world = world
  }

  is(instances: ReadonlyMap<string, Instance>): boolean {
    const { server, topology } = this.#world
    const { events, mail, journal, defs } = streamNames(topology)
    const ends = [events, mail, journal, defs].map(
      (name) => server.memory.stream(name).info().lastSeq,
    )
    const isSame = this.#last === ends.join()
    this.#last = ends.join()
    this.#seen = isSame && isSettled(this.#world, instances) ? this.#seen + 1 : 0
    return this.#seen >= looks
  }
}

function isSettled({ server, topology }: World, instances: ReadonlyMap<string, Instance>): boolean {
  const all = [...instances.values()].flatMap(({ hosts }) => hosts.map((host) => host.status()))
  const apps = new Set(all.map(({ app }) => app))
  return [...apps].every((app) => isLed(app, all, { server, topology }))
}

function isLed(app: string, all: readonly HostStatus[], { server, topology }: World): boolean {
  const led = new Map(
    all
      .filter((one) => one.app === app)
      .flatMap(({ partitions }) => partitions)
      .filter(({ state }) => state === 'leading' || state === 'halted')
      .map((partition) => [partition.slot, partition]),
  )
  for (let slot = 0; slot < topology.slots; slot++) {
    const one = led.get(slot)
    if (!one) return false
    if (one.state !== 'halted' && !isAtRest(app, one, server)) return false
  }
  return true
}

function isAtRest(
  app: string,
  one: PartitionStatus,
  { memory, topology }: Pick<Server, 'memory' | 'topology'>,
): boolean {
  const { events, mail, defs } = streamNames(topology)
  const { events: event, mailbox, def } = subjects(topology)
  const isRead = (stream: string, position: string, start: string): boolean => {
    const last = memory
      .stream(stream)
      .slice((subject) => subject.startsWith(start), 1)
      .at(-1)
    const { seq = 0, index = 0 } = one.confirmed.positions[position] ?? {}
    if (!last || seq > last.seq) return true
    return seq === last.seq && (stream === defs || index >= lastItemOf(last.bytes))
  }
  const box = (lane: 'ask' | 'answer'): string => mailbox(app, one.slot, lane).slice(0, -1)
  return (
    one.open + one.hot + one.uncommitted === 0 &&
    one.pauses.every(({ pause, held }) => pause !== undefined || held === undefined) &&
    (app === sharedApp || isRead(events, events, event(one.slot))) &&
    isRead(mail, `${mail}.ask`, box('ask')) &&
    isRead(mail, `${mail}.answer`, box('answer')) &&
    isRead(defs, defs, def(app))
  )
}

/** What is no batch is put aside as one item. */
function lastItemOf(bytes: Uint8Array): number {
  try {
    return decodeBatch(bytes).length - 1
  } catch {
    return 0
  }
}
