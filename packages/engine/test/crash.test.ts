import { PermanentError } from '@waybill/core'
import type { MemoryFault, MemoryRequest } from '@waybill/log'
import { describe, expect, test } from 'vitest'
import { appOf, createSystem, ends, eventually, leading, transitions, type Run } from './system.ts'

/** Some succeed, some only when they are run again, some never, some send another event. */
const run: Run = async (attempt) => {
  const { data, chain } = attempt.event
  if (data === 'retry' && attempt.attempt === 1) throw new Error('once more')
  if (data === 'bad') throw new PermanentError('never')
  if (data === 'send' && chain.depth === 0) {
    await attempt.send({ type: 'order.followed', source: 'shop', data: 'sent' })
  }
  return data
}

const wanted = ['succeeded', 'succeeded', 'dlq', 'succeeded', 'succeeded'].sort()

type When = 'before' | 'after' | 'never'

/**
 * Two hosts, one after the other. The first one dies at its nth request to the log: before the
 * server hears of it, or after it was carried out. Time passes, the second one takes over.
 */
async function story(at: number, when: When): Promise<{ requests: number; states: string[][] }> {
  let requests = 0
  let dead = false
  let second = false
  const never = new Promise<void>(() => {})
  const fault = (_: MemoryRequest): MemoryFault | undefined => {
    if (second) return undefined
    if (dead) return { kind: 'delayed', until: never }
    requests += 1
    if (requests !== at) return undefined
    dead = true
    first.crash()
    return when === 'after' ? 'ack-lost' : { kind: 'delayed', until: never }
  }
  const system = createSystem({ fault })
  // A dead process runs no handlers either.
  const app = appOf({
    run: (one, binding) => (dead && !second ? never : run(one, binding)) as never,
  })
  await system.deploy(app)
  const first = system.host(app)
  await system.send({ data: 'plain' }, { data: 'retry' }, { data: 'bad' }, { data: 'send' })
  const over = async (): Promise<boolean> =>
    dead || (leading(first) === 1 && [...ends(await system.journal()).values()].length === 5)
  await eventually(system, 'the end, or the crash', over)
  second = true
  const successor = system.host(app)
  await eventually(system, 'all ended', async () => ends(await system.journal()).size === 5)
  await successor.stop()
  if (!dead) await first.stop()
  const entries = await system.journal()
  expectOrder(transitions(entries))
  return { requests, states: [...ends(entries).values()] }
}

/** Attempts are numbered 1, 2, 3 ... and nothing follows an end. */
function expectOrder(all: ReturnType<typeof transitions>): void {
  const last = new Map<string, { attempt: number; final: boolean }>()
  for (const { dispatch, record } of all) {
    const before = last.get(dispatch) ?? { attempt: 0, final: false }
    expect(before.final).toBe(false)
    expect(record.attempt - before.attempt).toBeGreaterThanOrEqual(0)
    expect(record.attempt - before.attempt).toBeLessThanOrEqual(1)
    last.set(dispatch, { attempt: record.attempt, final: record.outcome !== undefined })
  }
}

describe('a host that dies', () => {
  test('at any request to the log leaves every event with exactly one end', async () => {
    const { requests, states } = await story(0, 'never')
    expect(states.flat().sort()).toEqual(wanted)
    expect(requests).toBeGreaterThan(20)
    for (let at = 1; at <= requests; at++) {
      for (const when of ['before', 'after'] as const) {
        const told = await story(at, when)
        expect(
          told.states.map((one) => one.length),
          `${when} ${at}`,
        ).toEqual([1, 1, 1, 1, 1])
        expect(told.states.flat().sort(), `${when} ${at}`).toEqual(wanted)
      }
    }
  })
})

describe('a log that misbehaves', () => {
  const faults: readonly MemoryFault[] = ['lost', 'ack-lost', 'late', 'busy', 'in-flight']

  test.each(faults)(
    '(%s, every third request) loses nothing and doubles nothing',
    async (fault) => {
      let requests = 0
      const system = createSystem({
        fault: ({ kind }) => (kind !== 'read' && ++requests % 3 === 0 ? fault : undefined),
      })
      const app = appOf({ run })
      await system.deploy(app)
      const running = system.host(app)
      await system.send({ data: 'plain' }, { data: 'retry' }, { data: 'bad' }, { data: 'send' })
      await eventually(system, 'all ended', async () => ends(await system.journal()).size === 5)
      const states = [...ends(await system.journal()).values()]
      expect(states.flat().sort()).toEqual(wanted)
      expect(running.host.counters.fences).toBe(0)
      await running.stop()
    },
  )
})
