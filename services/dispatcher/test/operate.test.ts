import type { ChildProcess } from 'node:child_process'
import type { ResponseOf } from '@waybill/api'
import { beforeEach, expect, test } from 'vitest'
import { until } from '../../../test/fixture/until.ts'
import { broken, stuck } from './fixture/app.ts'
import { processes } from './fixture/processes.ts'

/* What operators do at the same time, with two dispatchers and a projector as real processes. */

const world = processes()
let dispatchers: ChildProcess[]

beforeEach(async () => {
  world.projector()
  dispatchers = ['one', 'two'].map((instance) => world.dispatcher(instance))
  const answers = () => dead().then(Boolean, () => false)
  await until('the projector answers', 20_000, answers)
})

type Entries = ResponseOf<'dlq.list'>['entries']

const dead = async (): Promise<Entries> =>
  (await world.api.call('dlq.list', { limit: 500 })).entries

/** Asked again whenever the projector tells that rows have changed. */
async function untilDead(holds: (entries: Entries) => boolean): Promise<Entries> {
  const told = world.nc.subscribe('wb.live.>')
  const patience = AbortSignal.timeout(20_000)
  patience.addEventListener('abort', () => told.unsubscribe())
  const changes = told[Symbol.asyncIterator]()
  let entries = await dead()
  while (!holds(entries)) {
    if ((await changes.next()).done === true) {
      const statuses = JSON.stringify(entries.map(({ status }) => status))
      throw new Error(`it never came to be: ${statuses}`)
    }
    entries = await dead()
  }
  told.unsubscribe()
  return entries
}

test(
  'two operators redrive the same group at once: each entry once',
  { timeout: 60_000 },
  async () => {
    const many = 40
    await Promise.all(Array.from({ length: many }, (_, n) => world.client.send(broken, { n })))
    const entries = await untilDead(({ length }) => length === many)
    const [fingerprint] = new Set(entries.map((entry) => entry.fingerprint))
    const command = { app: 'shop', reason: 'mended', filter: { fingerprint } }
    const [ann, bob] = await Promise.all(
      ['ann', 'bob'].map((by) =>
        world.api.call('dlq.redrive', { ...command, by }, { timeoutMs: 20_000 }),
      ),
    )
    const started = [...(ann?.started ?? []), ...(bob?.started ?? [])]
    expect(new Set(started.map(({ of }) => of)).size).toBe(many)
    expect(started).toHaveLength(many)
    const declined = [...(ann?.declined ?? []), ...(bob?.declined ?? [])]
    expect(new Set(declined.map(({ code }) => code))).toEqual(new Set(['already_redriven']))

    // Each ran again and died of the same thing: as many new entries, and none twice.
    const after = await untilDead(({ length }) => length === 2 * many)
    expect(after.filter(({ status }) => status === 'redriven')).toHaveLength(many)
    const ops = await world.api.callEach('op.list', {})
    const done = new Map(ops.flatMap(({ operations }) => operations).map((one) => [one.id, one]))
    const redrives = [...done.values()].filter(({ kind }) => kind === 'redrive')
    expect(redrives.map(({ by }) => by).sort()).toEqual(['ann', 'bob'])
    expect(redrives.reduce((sum, one) => sum + one.done, 0)).toBe(many)
  },
)

test('nobody redrives one more than three times', { timeout: 60_000 }, async () => {
  await world.client.send(broken, { n: 1 })
  let [entry] = await untilDead(({ length }) => length === 1)
  const redrive = (id: string) =>
    world.api.call('dlq.redrive', { app: 'shop', by: 'ann', reason: 'again', ids: [id] })
  for (const times of [2, 3, 4]) {
    const { started } = await redrive(entry?.id ?? '')
    const entries = await untilDead(({ length }) => length === times)
    entry = entries.find(({ id }) => id === started[0]?.dispatch)
    expect(entry).toMatchObject({ status: 'pending' })
  }
  expect(await redrive(entry?.id ?? '')).toMatchObject({
    started: [],
    declined: [{ code: 'redrive_limit' }],
  })
})

test(
  'many are cancelled at once: those that were counted, each once',
  { timeout: 60_000 },
  async () => {
    const many = 5
    await Promise.all(Array.from({ length: many }, (_, n) => world.client.send(stuck, { n })))
    const count = (state: 'attempting' | 'cancelled') =>
      world.api.call('dispatch.count', { binding: 'wait', state: [state] }).catch(() => undefined)
    await until('all of them run', 20_000, async () => (await count('attempting'))?.count === many)
    const command = { app: 'shop', by: 'ann', reason: 'stuck', filter: { binding: 'wait' } }
    const foreseen = await world.api.call('dispatch.cancelMany', { ...command, dryRun: true })
    expect(foreseen).toMatchObject({ dryRun: true, matched: many, cancelled: 0 })
    const late = await world.api.call('dispatch.cancelMany', { ...command, filter: { until: 1 } })
    expect(late).toMatchObject({ matched: 0, cancelled: 0 })
    const done = await world.api.call('dispatch.cancelMany', command, { timeoutMs: 20_000 })
    expect(done).toMatchObject({ dryRun: false, matched: many, cancelled: many })
    expect(done.ids.toSorted()).toEqual(foreseen.ids.toSorted())
    const again = { app: 'shop', by: 'bob', reason: 'again', ids: done.ids }
    expect(await world.api.call('dispatch.cancelMany', again)).toMatchObject({ cancelled: 0 })
    const ops = await world.api.callEach('op.list', { id: done.op })
    expect(ops.flatMap(({ operations }) => operations)).toContainEqual(
      expect.objectContaining({
        kind: 'cancel',
        by: 'ann',
        state: 'done',
        total: many,
        done: many,
      }),
    )
    const { types } = await world.api.call('event.types', { app: 'shop' })
    expect(types).toContainEqual({
      type: 'order.stuck',
      jsonSchema: expect.objectContaining({ required: ['n'] }) as unknown,
    })
  },
)

test('work in bulk that its process did not outlive says so', { timeout: 60_000 }, async () => {
  await Promise.all([1, 2, 3].map((n) => world.client.send(broken, { n })))
  await untilDead(({ length }) => length === 3)
  const about = { app: 'shop', by: 'ann', reason: 'again' }
  const { op = '' } = await world.api.call('dlq.redrive', {
    ...about,
    filter: {},
    ratePerSecond: 0.01,
  })
  const state = async (): Promise<string | undefined> => {
    const answers = await world.api.callEach('op.list', { id: op }).catch(() => [])
    const said = answers.flatMap(({ operations }) => operations.map((one) => one.state))
    return said.find((one) => one !== 'interrupted') ?? said[0]
  }
  expect(await state()).toBe('running')
  for (const child of dispatchers) child.kill('SIGKILL')
  world.dispatcher('three')
  expect(await until('another one answers', 30_000, state)).toBe('interrupted')
})
