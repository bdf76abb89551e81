import {
  labelOf,
  placeOf,
  type Entry,
  type FlowSpec,
  type KeyedLimit,
  type Letter,
} from '@waybill/core'
import { sha256 } from '@waybill/log'
import { expect, test } from 'vitest'
import {
  appOf,
  createSystem,
  definition,
  ends,
  eventually,
  leading,
  transitions,
  until,
  type RunningHost,
  type System,
} from './system.ts'

const slots = 4
const minuteMs = 60_000

const circuit: KeyedLimit = {
  name: 'circuit',
  scope: 'app',
  rule: {
    kind: 'circuit',
    failures: 5,
    ratePercent: 50,
    rateMin: 10,
    windowMs: minuteMs,
    openMs: minuteMs,
    openMaxMs: 10 * minuteMs,
    whenOpen: 'defer',
  },
  key: { kind: 'cel', text: 'event.data.to' },
}
const flow: FlowSpec = { limits: [circuit], holdWhileRetrying: false }

interface Served {
  readonly system: System
  readonly running: RunningHost
  /** When handlers were called, by destination. */
  readonly calls: Map<string, number[]>
  /** How many of them went well. */
  readonly count: { well: number }
  host(): RunningHost
  send(count: number, to: string): Promise<void>
}

/** @param fails is this destination out of order now? */
async function start(fails: (to: string, now: number) => boolean): Promise<Served> {
  const system = createSystem({ slots })
  const calls = new Map<string, number[]>()
  const count = { well: 0 }
  const toOf = (event: { data: unknown }): string => String((event.data as { to?: string }).to)
  const app = appOf({
    definitions: [definition({ flow })],
    key: (_, event) => toOf(event),
    run: async ({ event }) => {
      const now = system.clock.now()
      const to = toOf(event)
      calls.set(to, [...(calls.get(to) ?? []), now])
      if (fails(to, now)) throw new Error('503')
      count.well += 1
      return undefined
    },
  })
  await system.deploy(app)
  const host = (): RunningHost => system.host(app)
  const running = host()
  await until('it leads', () => leading(running) === slots)
  let sent = 0
  return {
    system,
    running,
    calls,
    count,
    host,
    async send(count, to) {
      for (let n = 0; n < count; n++) {
        await system.send({ data: { to }, partitionKey: `p${sent++ % 16}` })
      }
    },
  }
}

/** Events of all partitions; those that come before its circuit opens fail. */
async function breakDown({ system, send }: Served, to: string): Promise<void> {
  await send(16, to)
  await until(
    'it is open',
    seldom(async () => stateOf(await system.journal()) === 'open'),
  )
}

const stateOf = (entries: readonly Entry[]): string | undefined =>
  entries
    .flatMap(({ facts }) => facts.flatMap((fact) => ('circuit' in fact ? [fact.circuit] : [])))
    .at(-1)?.state

/** Journals are long: they are read now and then only. */
function seldom(holds: () => Promise<boolean>): () => Promise<boolean> {
  let rounds = 0
  return async () => ++rounds % 20 === 0 && (await holds())
}

const endedWell = async ({ system }: Served): Promise<number> =>
  [...ends(await system.journal()).values()].filter(([one]) => one === 'succeeded').length

const probesOf = async (system: System): Promise<boolean[]> =>
  (await system.journal()).flatMap(({ facts }) =>
    facts.flatMap((fact) => (fact.kind === 'ledger.told' && fact.probe ? [fact.ok] : [])),
  )

test('a destination that is out of order for a while costs its dispatches next to no attempts', async () => {
  let endsAt = Infinity
  const served = await start((to, now) => to === 'down' && now < endsAt)
  const { system, calls, running, send } = served
  await breakDown(served, 'down')
  endsAt = system.clock.now() + 5 * minuteMs
  await send(200, 'down')
  await send(20, 'up')
  await eventually(system, 'all are done', () => served.count.well === 236)
  await until(
    'all is told',
    seldom(async () => (await endedWell(served)) === 236),
  )
  expect(calls.get('up')?.length).toBe(20)
  // 216 dispatches: one call that went well each, those that opened it, and its probes.
  const failed = (calls.get('down')?.length ?? 0) - 216
  expect(failed).toBeGreaterThanOrEqual(5 + 2)
  expect(failed).toBeLessThanOrEqual(16 + 6)
  const perSecond = new Map<number, number>()
  for (const at of calls.get('down') ?? []) {
    if (at < endsAt) continue
    const second = Math.floor((at - endsAt) / 1000)
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1)
  }
  expect(Math.max(...perSecond.values())).toBeLessThanOrEqual(130)
  const spent = transitions(await system.journal()).filter(
    ({ record }) => record.outcome && record.spent > 1,
  )
  expect(spent.length).toBeLessThanOrEqual(6)
  await running.stop()
}, 60_000)

test('who takes over in the middle lets one try, and loses nobody', async () => {
  let down = true
  const served = await start(() => down)
  const { system, running, host, send } = served
  await breakDown(served, 'down')
  await send(40, 'down')
  running.crash()
  const heir = host()
  await eventually(system, 'it leads', () => leading(heir) === slots)
  await eventually(
    system,
    'a probe failed',
    seldom(async () => (await probesOf(system)).some((ok) => !ok)),
    10 * minuteMs,
  )
  down = false
  await eventually(system, 'all are done', () => served.count.well === 56)
  await until(
    'all is told',
    seldom(async () => (await endedWell(served)) === 56),
  )
  await heir.stop()
}, 60_000)

test('an operator opens a circuit for all partitions, and closes it again', async () => {
  const served = await start(() => false)
  const { system, running, calls, send } = served
  const placing = { hash: sha256, slots, binding: 'ship', tenant: 'default' }
  const { ledger, slot: home, key } = placeOf(circuit, 'api', placing)
  expect(ledger.startsWith(`${labelOf('ship', circuit)}/`)).toBe(true)
  const post = async (what: 'open' | 'close'): Promise<void> => {
    for (let slot = 0; slot < slots; slot++) {
      const letter: Letter = {
        v: 1,
        id: `${what}-${slot}`,
        from: { kind: 'client', id: 'test' },
        body: {
          kind: 'circuit',
          ledger,
          home,
          ...(key !== undefined && { key }),
          do: what,
          by: 'ann',
          reason: 'their maintenance',
        },
        replyTo: 'op',
      }
      await running.host.post(slot, letter)
    }
  }
  await post('open')
  await until('all know', () => system.replies.length === slots)
  await send(12, 'api')
  const waiting = async (): Promise<boolean> => {
    const deferred = transitions(await system.journal()).filter(({ to }) => to === 'retryWait')
    return new Set(deferred.map(({ dispatch }) => dispatch)).size === 12
  }
  await eventually(system, 'all wait', seldom(waiting))
  expect(calls.get('api')).toBeUndefined()
  await post('close')
  await eventually(system, 'all are done', () => served.count.well === 12)
  await until(
    'all is told',
    seldom(async () => (await endedWell(served)) === 12),
  )
  const answers = system.replies.map(({ body }) => body)
  expect(answers.filter((one) => (one as { here?: boolean }).here)).toMatchObject([
    { kind: 'circuit', ledger, state: 'open' },
    { kind: 'circuit', ledger, state: 'closed' },
  ])
  await running.stop()
}, 60_000)
