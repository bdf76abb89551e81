import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { streamNames } from '@waybill/log'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { judge, openLog } from '../judge.ts'
import { startLoad, type Load } from '../load.ts'
import { missingForMounts, call, mount } from '../root.ts'
import type { Outcome, Scenario } from '../scenario.ts'
import { single, startStack, type Stack } from '../stack.ts'
import { until } from '../../fixture/until.ts'

const fullWithinMs = 30_000

/** EVENTS and the journal in turn reach their limit: the door says 503, and later goes on. */
export const limits: Scenario = {
  what: 'a stream at its max_bytes, then raised',
  rounds: 2,
  async run(dir, rounds) {
    await using stack = await startStack(dir, await single(join(dir, 'nats')))
    const names = await namesOf(stack)
    const load = startLoad(stack.ingress, { padBytes: 2000 })
    for (let round = 0; round < rounds; round++) {
      const stream = round % 2 === 0 ? names.events : names.journal
      await until('first events', fullWithinMs, () => load.acknowledged.size > 20 * (round + 1))
      await setRoom(stack, stream, 100_000)
      const isFull = round % 2 === 0 ? () => refusals(load) > 0 : () => isStuck(stack, stream)
      await until(`${stream} is full`, fullWithinMs, isFull)
      await wait(2000)
      await setRoom(stack, stream, undefined)
    }
    return await finish(stack, load)
  },
}

/** A file system of 24 MB fills up; it grows, and the server starts again. */
export const diskFull: Scenario = {
  what: 'the disk is full, then grows',
  rounds: 1,
  missing: () => missingForMounts('mount', 'umount'),
  async run(dir) {
    await using disk = await mount(join(dir, 'disk'), '-t', 'tmpfs', '-o', 'size=24m', 'tmpfs')
    const backend = await single(join(disk.dir, 'nats'))
    await using stack = await startStack(dir, backend)
    const load = startLoad(stack.ingress, { padBytes: 30_000, everyMs: 2 })
    await until('the disk is full', 60_000, () => refusals(load) > 0)
    await call('mount', '-o', 'remount,size=256m', disk.dir)
    await backend.server.kill('SIGKILL')
    await backend.start()
    const before = load.acknowledged.size
    await until('it goes on', fullWithinMs, () => load.acknowledged.size > before + 20)
    return await finish(stack, load)
  },
}

async function finish(stack: Stack, load: Load): Promise<Outcome> {
  await load.stop()
  const judged = await judge(stack, load.acknowledged)
  const { refused } = load
  return { ...judged, refused, problems: [...judged.problems, ...load.wrong] }
}

const refusals = ({ refused }: Load): number =>
  Object.values(refused).reduce((sum, count) => sum + count, 0)

async function namesOf({ backend }: Stack) {
  await using open = await openLog(backend.direct)
  return streamNames(open.topology)
}

/** So much more than it holds now; undefined: as much as it likes. */
async function setRoom({ backend }: Stack, stream: string, more: number | undefined) {
  await withStreams(backend.direct, async (manager) => {
    const { state } = await manager.streams.info(stream)
    const max_bytes = more === undefined ? -1 : state.bytes + more
    await manager.streams.update(stream, { max_bytes })
  })
}

/** Nothing comes into it for a second. */
async function isStuck({ backend }: Stack, stream: string): Promise<boolean> {
  const lastSeq = () =>
    withStreams(
      backend.direct,
      async (manager) => (await manager.streams.info(stream)).state.last_seq,
    )
  const before = await lastSeq()
  await wait(1000)
  return (await lastSeq()) === before
}

async function withStreams<Result>(
  servers: string,
  work: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<Result>,
): Promise<Result> {
  const nc = await connect({ servers: servers.split(',') })
  try {
    return await work(await jetstreamManager(nc))
  } finally {
    await nc.close()
  }
}
