import type { HostStatus } from '@waybill/engine'
import {
  createMemoryServer,
  embeddedTopology,
  encodeBatch,
  openMemoryLog,
  sha256,
  streamNames,
  subjects,
  type Topology,
} from '@waybill/log'
import { expect, test } from 'vitest'
import type { Instance } from './instance.ts'
import { Rest } from './settled.ts'
import type { Server } from './world/server.ts'

const topology: Topology = { ...embeddedTopology, slots: 1 }
const { events, mail, defs } = streamNames(topology)

/** A host whose only partition has read the first event message up to this item. */
function readTo(index: number, pauses: readonly object[] = []): ReadonlyMap<string, Instance> {
  const hash = ''
  const positions = {
    [events]: { seq: 1, index, hash },
    [`${mail}.ask`]: { seq: 0, index: 0, hash },
    [`${mail}.answer`]: { seq: 0, index: 0, hash },
    [defs]: { seq: 0, index: 0, hash },
  }
  const confirmed = { seq: 1, number: 1, hash, positions }
  const none = { open: 0, hot: 0, uncommitted: 0, pauses }
  const partition = { slot: 0, state: 'leading', ...none, confirmed }
  const status = { app: 'shop', partitions: [partition] } as unknown as HostStatus // what is looked at
  return new Map([['host-1', { hosts: [{ status: () => status }] } as unknown as Instance]])
}

test('F13: a partition that has something to read, or to give, is not at rest', async () => {
  const memory = createMemoryServer({ topology, now: () => 0 })
  const log = openMemoryLog({ server: memory, hash: sha256 })
  await log.send(subjects(topology).events(0), encodeBatch([new Uint8Array(1), new Uint8Array(1)]))
  const isAtRest = (index: number, pauses?: readonly object[]): boolean => {
    const rest = new Rest({ server: { memory, topology } as Server, topology })
    return Array.from({ length: 10 }, () => rest.is(readTo(index, pauses))).at(-1) ?? false
  }
  expect([isAtRest(0), isAtRest(1)]).toEqual([false, true])
  expect(isAtRest(1, [{ binding: 'b', held: { events: 1 } }])).toBe(false)
  expect(isAtRest(1, [{ binding: 'b', held: { events: 1 }, pause: { since: 0 } }])).toBe(true)
})
