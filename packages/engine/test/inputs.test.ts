import { decodeBatch } from '@waybill/log'
import { describe, expect, test } from 'vitest'
import { deadlyApp } from './deadly.ts'
import {
  appOf,
  createSystem,
  definition,
  ends,
  eventually,
  leading,
  transitions,
  until,
} from './system.ts'

describe('an event that takes down whoever reads it', () => {
  test('is put aside after three epochs ended there, and the next one is handled', async () => {
    const system = createSystem()
    const deadly = deadlyApp()
    const { app } = deadly
    await system.deploy(app)
    // Definitions first: an epoch that took anything at all is not a barren one.
    const quiet = system.host(app)
    await until('it has read the definitions', () => quiet.host.counters.entries === 2)
    await quiet.stop()
    await system.send({ data: 'poison' }, { data: 'good' })
    const alive = await deadly.livesUntilEnded(system)
    expect([...ends(await system.journal()).values()]).toEqual([['succeeded']])
    const aside = (await system.journal()).flatMap(({ input }) =>
      input.kind === 'quarantined' ? [input.reason] : [],
    )
    expect(aside).toEqual(['3 epochs ended here'])
    expect(deadly.deaths).toBe(3)
    await alive?.stop()
  })

  test('is not found where there was nothing to read: idle hosts may stop, or live, and die', async () => {
    const system = createSystem()
    const app = appOf()
    await system.deploy(app)
    for (let process = 1; process <= 5; process++) {
      const running = system.host(app)
      await until('it leads', () => leading(running) === 1)
      await running.stop()
    }
    for (let process = 1; process <= 5; process++) {
      const running = system.host(app)
      await eventually(system, 'it leads', () => leading(running) === 1)
      const lived = system.clock.now() + 25_000
      while (system.clock.now() < lived) {
        await until('a round', () => true)
        system.clock.advanceTo(Math.min(lived, system.clock.next() ?? lived))
        await until('it is at rest', () => running.host.status().partitions[0]?.uncommitted === 0)
      }
      running.crash()
    }
    await system.send()
    const last = system.host(app)
    await eventually(system, 'it ended', async () => ends(await system.journal()).size === 1)
    expect(last.host.counters.quarantined).toBe(0)
    await last.stop()
  })
})

describe('a deploy while a host runs', () => {
  test('counts for the events after it; what this host has no code for waits for one that has', async () => {
    const system = createSystem()
    const before = appOf()
    await system.deploy(before)
    const old = system.host(before)
    await system.send()
    await until('the first ended', async () => ends(await system.journal()).size === 1)

    const after = appOf({
      definitions: [definition({ retry: { kind: 'immediate', maxAttempts: 2, jitter: 'none' } })],
    })
    await system.deploy(after)
    await system.send()
    const states = async (): Promise<(string | undefined)[]> =>
      transitions(await system.journal()).map(({ record }) => record.waitFor ?? record.state)
    await until('it waits', async () => (await states()).at(-1) === 'version')

    await old.stop()
    const next = system.host(after)
    await until('it ended', async () => ends(await system.journal()).size === 2)
    const bindings = transitions(await system.journal()).flatMap(
      ({ origin }) => origin?.binding ?? [],
    )
    expect(bindings).toEqual(['ship@v1', 'ship@v2'])
    await next.stop()
  })

  test('of the same definitions changes nothing, and an old one that comes back gets its version back', async () => {
    const system = createSystem()
    const one = appOf()
    const other = appOf({ definitions: [definition({ poisonMax: 2 })] })
    await system.deploy(one)
    await system.deploy(one)
    await system.deploy(other)
    await system.deploy(one)
    const running = system.host(one)
    await until('it leads', () => leading(running) === 1)
    const changes = (await system.journal()).flatMap(({ input }) =>
      input.kind === 'def' && input.change.kind === 'deploy' ? [input.change] : [],
    )
    expect(changes.map(({ number, active }) => [number, ...active])).toEqual([
      [1, 'ship@v1'],
      [2, 'ship@v2'],
      [3, 'ship@v1'],
    ])
    await running.stop()
  })
})

describe('a batch', () => {
  test('that was taken in part is taken on from there by the next host', async () => {
    const system = createSystem()
    const app = appOf({ run: () => new Promise(() => {}) })
    await system.deploy(app)
    const first = system.host(app, { limits: { hotMax: 3 } })
    await until('it leads', () => leading(first) === 1)
    const items = await batch(system, 8)
    await system.sendRaw(0, items)
    await until('it has no more room', () => first.host.status().room.hot === 3)
    await until('and has said so', () => first.host.status().partitions[0]?.uncommitted === 0)
    first.crash()
    const second = system.host(appOf())
    await eventually(system, 'all ended', async () => ends(await system.journal()).size === 8)
    const refs = (await system.journal()).flatMap(({ input }) =>
      input.kind === 'event' ? [`${input.ref.seq}/${input.ref.index}`] : [],
    )
    expect(refs).toEqual(items.map((_, index) => `1/${index}`))
    await second.stop()
  })
})

/** Items of one message: events as another system's senders would have stored them. */
async function batch(
  system: ReturnType<typeof createSystem>,
  count: number,
): Promise<Uint8Array[]> {
  const other = createSystem()
  await other.send(...Array.from({ length: count }, (_, n) => ({ data: n, dedupeKey: `b${n}` })))
  const items: Uint8Array[] = []
  for await (const { bytes } of other.log.read({ stream: 'EVENTS_g1', subjects: [], fromSeq: 1 })) {
    items.push(...decodeBatch(bytes))
  }
  expect(system.topology).toEqual(other.topology)
  return items
}

test('a host whose clock is far from the server leads nothing until it is right', async () => {
  const system = createSystem()
  const app = appOf()
  await system.deploy(app)
  let offMs = 0
  const serverNow = async (): Promise<number> => system.clock.now() + offMs
  const running = system.host(app, { serverNow })
  await until('it leads', () => leading(running) === 1)
  offMs = 2500
  await eventually(system, 'it hands over', () => leading(running) === 0)
  expect(await system.leases.list('slot')).toEqual([])
  offMs = -1500
  await eventually(system, 'it leads again', () => leading(running) === 1)
  await running.stop()
})

test('a divergent duplicate is recorded and dispatched no second time', async () => {
  const system = createSystem()
  const app = appOf()
  await system.deploy(app)
  const running = system.host(app)
  await system.send({ dedupeKey: 'same', data: 1 }, { dedupeKey: 'same', data: 2 })
  await until('both were read', () => running.host.counters.entries >= 5)
  const facts = (await system.journal()).flatMap((entry) => entry.facts)
  expect(facts.filter(({ kind }) => kind === 'event.duplicate')).toEqual([
    { kind: 'event.duplicate', divergent: true },
  ])
  expect(ends(await system.journal()).size).toBe(1)
  await running.stop()
})
