import type { Entry } from '@waybill/core'
import { streamNames } from '@waybill/log'
import { describe, expect, test } from 'vitest'
import type { HostLimits } from '../src/limits.ts'
import { loadApp } from './isolated-app.ts'
import {
  appOf,
  createSystem,
  definition,
  ends,
  leading,
  transitions,
  until,
  type System,
} from './system.ts'

const loader = new URL('./isolated-app.ts', import.meta.url).href
const execArgv = ['--conditions=@waybill/source', '--disable-warning=ExperimentalWarning']

async function start(module = 'file:///app.ts', limits: Partial<HostLimits> = { isolatedMax: 1 }) {
  const system = createSystem()
  const app = { ...(await loadApp('file:///app.ts')), module }
  await system.deploy(app)
  const running = system.host(app, { limits, isolated: { loader, execArgv } })
  await until('it leads', () => leading(running) === 1)
  return { system, running, ended: async () => ends(await system.journal()) }
}

const outputs = async (system: System): Promise<unknown[]> =>
  (await system.journal()).flatMap(({ input }) =>
    input.kind === 'result' && input.result.status === 'succeeded' ? [input.result.output] : [],
  )

const heads = (entries: readonly Entry[]): string[] =>
  entries.flatMap(({ input }) => (input.kind === 'event' ? [input.head.type] : []))

/** A child process takes its own time, which is not the virtual one: looked at with each bundle. */
async function recorded({ log, topology }: System, holds: () => Promise<boolean>): Promise<void> {
  const { journal: stream } = streamNames(topology)
  const never = new AbortController().signal
  await using bundles = log.follow({ stream, subjects: [], fromSeq: 1 }, never)
  bundles.grant({ messages: Infinity, bytes: Infinity })
  for await (const _ of bundles) if (await holds()) return
}

describe('a handler in a process of its own', () => {
  test('runs elsewhere, one after the other in the same child, and sends through its parent', async () => {
    const { system, running, ended } = await start()
    await system.send({ data: 'where' }, { data: 'send' }, { data: 'refuse' })
    await recorded(system, async () => (await ended()).size === 4)
    expect([...(await ended()).values()].flat().sort()).toEqual([
      'dlq',
      'succeeded',
      'succeeded',
      'succeeded',
    ])
    const pids = (await outputs(system)).flatMap((one) =>
      typeof one === 'object' && one !== null && 'pid' in one ? [one.pid] : [],
    )
    expect(pids).toHaveLength(2)
    expect(new Set(pids).size).toBe(1)
    expect(pids[0]).not.toBe(process.pid)
    await running.stop()
  })

  test('that kills its process is run again, and is poison after the third time', async () => {
    const { system, running, ended } = await start()
    await system.send({ data: 'die' }, { data: 'where' })
    await recorded(system, async () => (await ended()).size === 2)
    const all = transitions(await system.journal())
    expect(all.filter(({ event }) => event.type === 'attempt.lost')).toHaveLength(3)
    const last = all.filter(({ record }) => record.outcome?.status === 'dlq').at(-1)
    expect(last?.record).toMatchObject({ kills: 3, outcome: { status: 'dlq', reason: 'poison' } })
    expect([...(await ended()).values()].flat().sort()).toEqual(['dlq', 'succeeded'])
    await running.stop()
  })

  test('that will not stop is ended with its process, and the next one gets a new one', async () => {
    const { system, running, ended } = await start()
    const { clock } = system
    await system.send({ data: 'hang' })
    await recorded(system, async () => heads(await system.journal()).includes('hanging'))
    clock.advanceTo(clock.now() + 5000)
    await until('the next attempt is asked for', () => running.host.counters.asked === 2)
    clock.advanceTo(clock.now() + 2000)
    await system.send({ data: 'where' })
    await recorded(system, async () => (await ended()).size === 2)
    expect([...(await ended()).values()]).toEqual([['succeeded'], ['succeeded']])
    expect(await outputs(system)).toContain('second')
    await running.stop()
  })

  test('whose app cannot be loaded fails as an attempt, it does not count as a kill', async () => {
    const { system, running } = await start('nowhere:')
    await system.send({ data: 'where' })
    const failed = async (): Promise<boolean> =>
      transitions(await system.journal()).some(({ record }) => record.error !== undefined)
    await recorded(system, failed)
    const failure = transitions(await system.journal()).find(({ record }) => record.error)
    expect(failure?.record).toMatchObject({ kills: 0, error: { message: 'there is no app' } })
    running.crash()
  })

  test('has several processes to run in, each with one attempt at a time', async () => {
    const { system, running, ended } = await start('file:///app.ts', { isolatedMax: 3 })
    await system.send(...Array.from({ length: 9 }, () => ({ data: 'where' })))
    await recorded(system, async () => (await ended()).size === 9)
    const pids = new Set((await outputs(system)).map((one) => (one as { pid: number }).pid))
    expect(pids.size).toBeLessThanOrEqual(3)
    expect(pids.size).toBeGreaterThan(1)
    await running.stop()
  })

  test('that waits too long for a process is parked: what never ran spends no attempt', async () => {
    const { system, running, ended } = await start()
    const { clock } = system
    await system.send({ data: 'hang' }, { data: 'where' })
    await recorded(system, async () => heads(await system.journal()).includes('hanging'))
    // Half of its five seconds; the one that hangs still has the other half.
    clock.advanceTo(clock.now() + 2500)
    const parked = (event: string): boolean => event === 'attempt.parked'
    const events = async (): Promise<string[]> =>
      transitions(await system.journal()).map(({ event }) => event.type)
    await until('it is parked', async () => (await events()).some(parked))
    clock.advanceTo(clock.now() + 2500)
    await until('the one that hangs is over', async () => (await events()).includes('timer.due'))
    clock.advanceTo(clock.now() + 2000)
    await recorded(system, async () => (await ended()).size === 2)
    const spent = transitions(await system.journal()).flatMap(({ record }) =>
      record.outcome ? [record.spent] : [],
    )
    expect(spent.toSorted((a, b) => a - b)).toEqual([0, 1])
    await running.stop()
  })

  test('needs a loader: without one the host says so at once', () => {
    const system = createSystem()
    const handler = { kind: 'local', code: 'b'.repeat(32), isolate: true } as const
    const app = appOf({ definitions: [definition({ handler })] })
    expect(() => system.host(app)).toThrow('process of its own')
  })
})
