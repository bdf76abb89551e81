import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Fact } from '@waybill/core'
import {
  decodeEntry,
  embeddedTopology,
  openJetStreamLog,
  sha256,
  streamNames,
  subjects,
  walk,
  type EventLog,
} from '@waybill/log'
import { beforeEach, describe, expect, test } from 'vitest'
import { until } from '../../../test/fixture/until.ts'
import { deadly, placed, stuck } from './fixture/app.ts'
import { processes } from './fixture/processes.ts'

const world = processes()
let log: EventLog

beforeEach(async () => {
  const { nc, scope } = world
  log = await scope.use(openJetStreamLog({ nc, topology: embeddedTopology, hash: sha256 }), 'log')
})

const start = (instance: string, more: Record<string, string> = {}): ChildProcess =>
  world.dispatcher(instance, {
    TEST_NOTES: join(world.folder, 'notes'),
    WAYBILL_LEASE_MS: '2000',
    WAYBILL_RENEW_EVERY_MS: '300',
    WAYBILL_DRAIN_MS: '1500',
    ...more,
  })

/** What a process leads and what its handlers noted is told by nobody: it is asked for. */
const fact = (what: string, holds: () => Promise<boolean>): Promise<true> =>
  until(what, 30_000, holds).catch(async (cause: unknown) => {
    const seen = JSON.stringify([await notes(), [...(await ends())], [...(await led())]])
    throw new Error(`it never came to be: ${what} ${seen}`, { cause })
  })

async function led(): Promise<Map<string, number>> {
  const answers = await world.api
    .callEach('partition.status', {}, { timeoutMs: 1000 })
    .catch(() => [])
  return new Map(
    answers.map(({ instance, partitions }) => [
      instance,
      partitions.filter(({ state }) => state === 'leading').length,
    ]),
  )
}

const leads = (instance: string, count: number) => async (): Promise<boolean> =>
  (await led()).get(instance) === count

async function notes(): Promise<string[][]> {
  const text = await readFile(join(world.folder, 'notes'), 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' '))
}

/** Outcomes by dispatch. */
async function ends(): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (let slot = 0; slot < embeddedTopology.slots; slot++) {
    for (const fact of await facts(slot)) {
      if (fact.kind !== 'transition' || !fact.record.outcome) continue
      const { outcome } = fact.record
      found.set(fact.dispatch, outcome.status === 'dlq' ? outcome.reason : outcome.status)
    }
  }
  return found
}

async function facts(slot: number): Promise<readonly Fact[]> {
  const all: Fact[] = []
  const stream = streamNames(embeddedTopology).journal
  const subject = subjects(embeddedTopology).journal('shop', slot)
  for await (const { entries } of walk({ log, stream, subject })) {
    for (const bytes of entries) all.push(...decodeEntry(bytes).facts)
  }
  return all
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const [code] = await once(child, 'exit')
  return code
}

describe('a dispatcher', { timeout: 60_000 }, () => {
  test('runs what is sent, is asked how it is, cancels, and drains on SIGTERM', async () => {
    const child = start('one')
    await fact('it leads', leads('one', 4))
    await Promise.all([1, 2, 3].map((n) => world.client.send(placed, { n })))
    await fact('all ended', async () => (await ends()).size === 3)

    const { id } = await world.client.send(stuck, { n: 4 })
    await fact('it runs', async () => (await notes()).some(([what]) => what === 'wait'))
    const target = { kind: 'event', event: id } as const
    const answer = await world.api.call('dispatch.cancel', {
      app: 'shop',
      target,
      by: 'test',
      reason: 'enough',
    })
    expect(answer).toMatchObject({ dryRun: false, dispatches: 1 })
    expect([...(await ends()).values()].sort()).toEqual([
      'cancelled',
      'succeeded',
      'succeeded',
      'succeeded',
    ])

    await world.client.send(stuck, { n: 5 })
    await fact(
      'the next one runs',
      async () => (await notes()).filter(([what]) => what === 'wait').length === 2,
    )
    child.kill('SIGTERM')
    expect(await ended(child)).toBe(0)
    expect((await ends()).size).toBe(4)

    // Parked, not lost: it goes on elsewhere, and at once.
    start('two')
    await fact('it ended', async () => (await ends()).size === 5)
    expect([...(await ends()).values()].filter((how) => how === 'succeeded')).toHaveLength(4)
  })

  test('that is killed is replaced when its lease is over; what it ran runs again alone', async () => {
    const first = start('one')
    await fact('it leads', leads('one', 4))
    const second = start('two')
    await fact('they share', leads('two', 2))
    await Promise.all(Array.from({ length: 8 }, (_, n) => world.client.send(stuck, { n })))
    await fact('all run', async () => (await notes()).length === 8)
    first.kill('SIGKILL')
    await fact('the other one leads all', leads('two', 4))
    const again = async (): Promise<string[][]> => (await notes()).filter(([, n]) => n === '2')
    const lost = (await notes()).filter(([, , pid]) => pid === String(first.pid)).length
    await fact('what was lost has run again', async () => (await again()).length === lost)
    expect(lost).toBeGreaterThan(0)
    const pids = new Set((await again()).map(([, , pid]) => pid))
    expect(pids).not.toContain(String(second.pid))
  })

  test('with an event that kills its process: others take over, and it ends as poison', async () => {
    const names = ['one', 'two']
    for (const name of names) start(name)
    await fact('they share', leads('two', 2))
    await Promise.all([world.client.send(deadly, { n: 1 }), world.client.send(placed, { n: 2 })])
    await fact('both ended', async () => (await ends()).size === 2)
    expect([...(await ends()).values()].sort()).toEqual(['poison', 'succeeded'])
    const kills = (await notes()).filter(([what]) => what === 'kill')
    expect(kills).toHaveLength(4)
    expect(new Set(kills.map(([, , pid]) => pid)).size).toBe(4)
  })

  test('of the same name and folder as one that lives ends with 78', async () => {
    start('same', { WAYBILL_DATA: join(world.folder, 'data') })
    await fact('it leads', leads('same', 4))
    const second = start('same', { WAYBILL_DATA: join(world.folder, 'data') })
    expect(await ended(second)).toBe(78)
  })

  test('that is killed and started again has its partitions back without waiting for the lease', async () => {
    const slow = { WAYBILL_LEASE_MS: '60000', WAYBILL_DATA: join(world.folder, 'data') }
    const first = start('same', slow)
    await fact('it leads', leads('same', 4))
    first.kill('SIGKILL')
    await ended(first)
    start('same', slow)
    await fact('it leads again', leads('same', 4))
  })
})
