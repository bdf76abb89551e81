import { type Entry, type Plain } from '@waybill/core'
import { streamNames, subjects, type MemoryFault } from '@waybill/log'
import { describe, expect, test } from 'vitest'
import { pauseBinding, resumeBinding } from '../src/deploy.ts'
import type { PauseStatus } from '../src/status.ts'
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
  type AppOptions,
  type RunningHost,
  type System,
} from './system.ts'

const ship = { app: 'shop', binding: 'ship' }

const order =
  (change: typeof pauseBinding) =>
  ({ log, topology, clock }: System, of: { app: string; binding?: string } = ship) =>
    change(log, topology, { by: 'ann', reason: 'stock-taking', now: clock.now, ...of })
const pause = order(pauseBinding)
const resume = order(resumeBinding)

/** Places of events that a binding started a dispatch for, in the order of the journal. */
const begun = (entries: readonly Entry[], id = 'ship'): string[] =>
  transitions(entries).flatMap(({ origin }) =>
    origin?.binding.startsWith(`${id}@`) ? [`${origin.ref.seq}/${origin.ref.index}`] : [],
  )

const inputs = (entries: readonly Entry[], kind: Entry['input']['kind']): number =>
  entries.filter(({ input }) => input.kind === kind).length

const pauses = ({ host }: RunningHost): readonly PauseStatus[] =>
  host.status().partitions.flatMap((one) => one.pauses)

const heldEvents = (running: RunningHost): number =>
  pauses(running).reduce((sum, { held }) => sum + (held?.events ?? 0), 0)

const places = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n + 1}/0`)

interface Started {
  readonly system: System
  readonly running: RunningHost
}

async function start(
  options: AppOptions = {},
  of: { slots?: number; fault?: () => MemoryFault | undefined } = {},
  limits = {},
): Promise<Started> {
  const system = createSystem(of)
  const app = appOf(options)
  await system.deploy(app)
  const running = system.host(app, { limits })
  await until('it leads', () => leading(running) === (of.slots ?? 1))
  return { system, running }
}

const events = (count: number): { data: Plain }[] =>
  Array.from({ length: count }, (_, n) => ({ data: n }))

describe('a binding that is paused', () => {
  test('starts nothing, while another one goes on; resumed, it is given all of it in order', async () => {
    const both = [definition(), definition({ id: 'audit', on: ['>'] })]
    const { system, running } = await start({ definitions: both })
    await pause(system)
    await until('it is paused', () => pauses(running).length === 1)
    await system.send(...events(5))
    await until('all are held', () => heldEvents(running) === 5)
    await until('audit ran', async () => ends(await system.journal()).size === 5)
    expect(begun(await system.journal())).toEqual([])
    system.clock.advanceTo(system.clock.now() + 3_600_000)
    expect(pauses(running)).toMatchObject([
      {
        binding: 'ship',
        pause: { by: 'ann', reason: 'stock-taking' },
        held: { stream: 'EVENTS_g1', from: [1, 0], events: 5, ageMs: 3_600_000 },
      },
    ])
    expect(pauses(running)[0]?.held?.bytes).toBeGreaterThan(500)
    await resume(system)
    await until('ship ran', async () => ends(await system.journal()).size === 10)
    expect(begun(await system.journal())).toEqual(places(5))
    expect(pauses(running)).toEqual([])
    await system.send({})
    await until('the next one ran', async () => ends(await system.journal()).size === 12)
    const entries = await system.journal()
    expect(begun(entries)).toEqual(places(6))
    // The one after the end went straight in.
    expect(inputs(entries, 'held')).toBe(5)
    await running.stop()
  })

  test('keeps what ran when the pause came', async () => {
    let release: () => void = () => {}
    const { system, running } = await start({
      run: () => new Promise((resolve) => (release = () => resolve(undefined))),
    })
    await system.send({})
    await until('it runs', () => running.host.status().room.hot === 1)
    await pause(system)
    await until('it is paused', () => pauses(running).length === 1)
    release()
    await until('it ended', async () => ends(await system.journal()).size === 1)
    await running.stop()
  })

  test('is paused again in the middle, and goes on from there', async () => {
    const held: (() => void)[] = []
    const { system, running } = await start(
      { run: () => new Promise((resolve) => held.push(() => resolve(undefined))) },
      {},
      { hotMax: 2 },
    )
    await pause(system)
    await until('it is paused', () => pauses(running).length === 1)
    await system.send(...events(6))
    await until('all are held', () => heldEvents(running) === 6)
    await resume(system)
    await until('two run, for which there is room', () => held.length === 2)
    await pause(system)
    await until('it is paused again', () => pauses(running)[0]?.pause !== undefined)
    await system.send(...events(2))
    for (const release of held.splice(0)) release()
    await until('they ended', async () => ends(await system.journal()).size === 2)
    await until('the rest is held', () => heldEvents(running) === 6)
    expect(held).toEqual([])
    await resume(system)
    await until('all ended', async () => {
      for (const release of held.splice(0)) release()
      return ends(await system.journal()).size === 8
    })
    expect(begun(await system.journal())).toEqual(places(8))
    await running.stop()
  })

  test('and is resumed while another one catches up has its own from the beginning', async () => {
    const held: (() => void)[] = []
    const { system, running } = await start(
      {
        definitions: [definition(), definition({ id: 'audit', on: ['>'] })],
        run: () => new Promise((resolve) => held.push(() => resolve(undefined))),
      },
      {},
      { hotMax: 2 },
    )
    await pause(system, { app: 'shop' })
    await pause(system, { app: 'shop', binding: 'audit' })
    await until('all is paused', () => pauses(running).length === 2)
    await system.send(...events(6))
    await until('all are held', () => heldEvents(running) === 12)
    await resume(system, { app: 'shop' })
    await until('two of ship run', () => held.length === 2)
    await resume(system, { app: 'shop', binding: 'audit' })
    await until('all ended', async () => {
      for (const release of held.splice(0)) release()
      return ends(await system.journal()).size === 12
    })
    expect(begun(await system.journal(), 'ship')).toEqual(places(6))
    expect(begun(await system.journal(), 'audit')).toEqual(places(6))
    await running.stop()
  })

  test('under load reaches the end: what comes while the log is asked is at hand', async () => {
    const slowly = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    const system = createSystem({
      fault: ({ kind, subject }) =>
        kind === 'read' && subject === subjects(system.topology).events(0)
          ? { kind: 'delayed', until: slowly() }
          : undefined,
    })
    const app = appOf()
    await system.deploy(app)
    const running = system.host(app)
    await until('it leads', () => leading(running) === 1)
    await pause(system)
    await until('it is paused', () => pauses(running).length === 1)
    await system.send(...events(20))
    await until('all are held', () => heldEvents(running) === 20)
    await resume(system)
    let sent = 20
    await until('nothing is held', async () => {
      // A new one at every turn of the event loop, for as long as it takes.
      await system.send({})
      sent += 1
      if (sent > 200) throw new Error(`${heldEvents(running)} are held still`)
      return pauses(running).length === 0
    })
    await until('all ended', async () => ends(await system.journal()).size === sent)
    expect(begun(await system.journal())).toEqual(places(sent))
    await running.stop()
  })

  test('more of it comes meanwhile than is kept at hand: the log is asked again', async () => {
    let asked = 0
    let slow = false
    const { promise, resolve } = Promise.withResolvers<void>()
    const system = createSystem({
      fault: ({ kind, subject }) => {
        if (kind !== 'read' || subject !== subjects(system.topology).events(0)) return undefined
        asked += 1
        return slow ? { kind: 'delayed', until: promise } : undefined
      },
    })
    const app = appOf({ verdict: () => 'filtered' })
    await system.deploy(app)
    const running = system.host(app)
    await until('it leads', () => leading(running) === 1)
    await pause(system)
    await until('it is paused', () => pauses(running).length === 1)
    await system.send({})
    await until('it is held', () => heldEvents(running) === 1)
    asked = 0
    slow = true
    await resume(system)
    await until('the log is asked', () => asked === 1)
    await system.send(...events(1500))
    await until('all of it is held', () => heldEvents(running) === 1501)
    slow = false
    resolve()
    await until('nothing is held', () => pauses(running).length === 0)
    expect(asked).toBe(2)
    const entries = await system.journal()
    expect(inputs(entries, 'held')).toBe(1501)
    expect(inputs(entries, 'event')).toBe(1501)
    await running.stop()
  })

  test('of the whole app: every binding in every partition, and those deployed meanwhile', async () => {
    const { system, running } = await start({}, { slots: 4 })
    await pause(system, { app: 'shop' })
    await until('all are paused', () => pauses(running).length === 4)
    const more = appOf({ definitions: [definition(), definition({ id: 'audit', on: ['>'] })] })
    await system.deploy(more)
    await until('the deploy is read', async () => inputs(await system.journal(), 'def') === 12)
    await system.send(...events(12))
    await until('all are held', () => heldEvents(running) === 24)
    await running.stop()
    const heir = system.host(more)
    await until('it leads', () => leading(heir) === 4)
    expect(heldEvents(heir)).toBe(24)
    await resume(system, { app: 'shop' })
    await eventually(system, 'all ended', async () => ends(await system.journal()).size === 24)
    for (const id of ['ship', 'audit']) {
      expect(begun(await system.journal(), id).toSorted(bySeq)).toEqual(places(12))
    }
    await heir.stop()
  })

  test('whose events were purged by hand must not go on: nothing is skipped in silence', async () => {
    const { system, running } = await start()
    await pause(system)
    await until('it is paused', () => pauses(running).length === 1)
    await system.send(...events(4))
    await until('all are held', () => heldEvents(running) === 4)
    const { events: stream } = streamNames(system.topology)
    await system.log.purge(stream, subjects(system.topology).events(0), 3)
    await resume(system)
    await eventually(
      system,
      'it is halted',
      () => running.host.status().partitions[0]?.state === 'halted',
    )
    expect(running.host.status().partitions[0]?.halted).toMatch(/EVENTS_g1 at 1 is purged: held/)
    expect(begun(await system.journal())).toEqual([])
    await running.stop()
  })
})

test('12.3 a held event that takes down whoever judges it is put aside, and the next one is given', async () => {
  const system = createSystem()
  const { app, livesUntilEnded } = deadlyApp()
  await system.deploy(app)
  const quiet = system.host(app)
  await until('it leads', () => leading(quiet) === 1)
  await pause(system)
  await until('it is paused', () => pauses(quiet).length === 1)
  await system.send({ data: 'poison' }, { data: 'good' })
  await until('both are held', () => heldEvents(quiet) === 2)
  await quiet.stop()
  await resume(system)
  const alive = await livesUntilEnded(system)
  const entries = await system.journal()
  expect([...ends(entries).values()]).toEqual([['succeeded']])
  expect(begun(entries)).toEqual(['2/0'])
  const aside = entries.flatMap(({ input }) => (input.kind === 'quarantined' ? [input] : []))
  expect(aside).toMatchObject([
    { reason: '3 epochs ended here', held: { bindings: ['ship'], place: { seq: 1, index: 0 } } },
  ])
  await alive?.stop()
})

const bySeq = (a: string, b: string): number => Number.parseInt(a, 10) - Number.parseInt(b, 10)

/**
 * Paused, six events, resumed; the host dies at its nth request to the log: before the server hears
 * of it, or after it was carried out.
 */
async function story(at: number, when: 'before' | 'after'): Promise<number> {
  let requests = 0
  let dead = false
  let second = false
  const never = new Promise<void>(() => {})
  const fault = (): MemoryFault | undefined => {
    if (second) return undefined
    if (dead) return { kind: 'delayed', until: never }
    requests += 1
    if (requests !== at) return undefined
    dead = true
    first.crash()
    return when === 'after' ? 'ack-lost' : { kind: 'delayed', until: never }
  }
  const system = createSystem({ fault })
  const app = appOf({ run: () => (dead && !second ? never : Promise.resolve()) as never })
  await system.deploy(app)
  const first = system.host(app, { limits: { hotMax: 2 } })
  const isThere = async (of: () => boolean): Promise<void> =>
    eventually(system, 'a step, or the crash', () => dead || of())
  await pause(system)
  await isThere(() => pauses(first).length === 1)
  await system.send(...events(4))
  await isThere(() => heldEvents(first) === 4)
  await resume(system)
  await system.send(...events(2))
  const over = async (): Promise<boolean> => ends(await system.journal()).size === 6
  await eventually(system, 'the end, or the crash', async () => dead || over())
  second = true
  const heir = system.host(app)
  await eventually(system, 'all ended', over)
  await heir.stop()
  if (!dead) await first.stop()
  const entries = await system.journal()
  expect(begun(entries), `${when} ${at}`).toEqual(places(6))
  expect([...ends(entries).values()].flat(), `${when} ${at}`).toEqual(
    Array.from({ length: 6 }, () => 'succeeded'),
  )
  return requests
}

test('a host that dies anywhere around a pause leaves every event with one dispatch, in order', async () => {
  const requests = await story(0, 'before')
  expect(requests).toBeGreaterThan(10)
  for (let at = 1; at <= requests; at++) {
    await story(at, 'before')
    await story(at, 'after')
  }
})

test.each(['lost', 'ack-lost', 'late', 'busy'] as const)(
  'a log that misbehaves (%s) at every third request delays the catch-up and loses nothing',
  async (fault) => {
    let requests = 0
    const { system, running } = await start(
      {},
      { fault: () => (++requests % 3 ? undefined : fault) },
    )
    await pause(system)
    await eventually(system, 'it is paused', () => pauses(running).length === 1)
    await system.send(...events(10))
    await eventually(system, 'all are held', () => heldEvents(running) === 10)
    await resume(system)
    await eventually(system, 'all ended', async () => ends(await system.journal()).size === 10)
    expect(begun(await system.journal())).toEqual(places(10))
    await running.stop()
  },
)
