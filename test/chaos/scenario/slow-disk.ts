import { decode, waybillEvent } from '@waybill/core'
import { decodeBatch, streamNames } from '@waybill/log'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { judge, openLog } from '../judge.ts'
import { startLoad } from '../load.ts'
import { call, missingForMounts, mount } from '../root.ts'
import type { Scenario } from '../scenario.ts'
import { single, startStack, type Stack } from '../stack.ts'
import { slowDown, throttleRoot } from './slow-disk-throttle.ts'

const writesPerSecond = 20
const slowMs = 10_000
const probesMax = 200
/** What a sender waits for an answer; 503 would come sooner. */
const p99MsMax = 8000
/** Of the events stored: those that were sent again because no answer came in time. */
const sentAgainShareMax = 0.1

/** The server's disk does 20 writes a second: everything waits its turn, and nothing is lost. */
export const slowDisk: Scenario = {
  what: `a disk of ${writesPerSecond} writes a second for ${slowMs / 1000} s a round`,
  rounds: 1,
  missing,
  async run(dir, rounds) {
    const image = join(dir, 'disk.img')
    await call('truncate', '--size', '256M', image)
    await call('mkfs.ext4', '-q', '-F', image)
    await using disk = await mount(join(dir, 'disk'), '-o', 'loop', image)
    const backend = await single(join(disk.dir, 'nats'))
    await using stack = await startStack(dir, backend)
    const load = startLoad(stack.ingress)
    const quick = await probe(stack.ingress, 2000)
    const slow: number[] = []
    const stored = { before: 0, during: 0 }
    for (let round = 0; round < rounds; round++) {
      stored.before = load.acknowledged.size
      await using _ = await slowDown(backend.server.pid, disk.dir, writesPerSecond)
      slow.push(...(await probe(stack.ingress, slowMs)))
      stored.during += load.acknowledged.size - stored.before
    }
    await load.stop()
    const judged = await judge(stack, load.acknowledged)
    const sentAgain = await countTwice(stack)
    const p99Ms = percentile(slow, 0.99)
    const perSecond = Math.round((stored.during / rounds / slowMs) * 1000)
    return {
      ...judged,
      refused: load.refused,
      quickMs: { p50: percentile(quick, 0.5), p99: percentile(quick, 0.99) },
      slowMs: { p50: percentile(slow, 0.5), p99: p99Ms },
      perSecond,
      sentAgain,
      problems: [
        ...judged.problems,
        ...load.wrong,
        ...(p99Ms < p99MsMax ? [] : [`1 of 100 events took ${p99Ms} ms`]),
        ...(stored.during > 0 ? [] : ['nothing at all was stored on the slow disk']),
        ...(percentile(slow, 0.5) > 2 * percentile(quick, 0.5) ? [] : ['the disk was not slow']),
        ...(sentAgain < sentAgainShareMax * judged.acknowledged
          ? []
          : [`${sentAgain} events were stored again`]),
      ],
    }
  },
}

async function missing(): Promise<string | undefined> {
  const why = await missingForMounts('mount', 'umount', 'mkfs.ext4', 'losetup')
  if (why !== undefined) return why
  const isThere = await access(throttleRoot).then(
    () => true,
    () => false,
  )
  return isThere ? undefined : `needs ${throttleRoot}, the blkio controller of cgroup v1`
}

/** One event after the other, for so long; how many ms each took to its acknowledgement. */
async function probe(ingress: string, forMs: number): Promise<number[]> {
  const took: number[] = []
  const until = performance.now() + forMs
  while (performance.now() < until && took.length < probesMax) {
    const began = performance.now()
    const data = { n: 1, pad: '' }
    const id = `probe-${began}`
    await fetch(`${ingress}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify({ specversion: '1.0', id, source: '/probe', type: 'chaos.work', data }),
    })
    took.push(Math.round(performance.now() - began))
    await wait(10)
  }
  // On a quick disk the probes are done sooner.
  await wait(Math.max(0, until - performance.now()))
  return took
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

/** Events that lie in the stream more than once: each was sent again. */
async function countTwice({ backend }: Stack): Promise<number> {
  await using open = await openLog(backend.direct)
  const { events: stream } = streamNames(open.topology)
  const seen = new Set<string>()
  let items = 0
  for await (const { bytes } of open.log.read({ stream, subjects: [], fromSeq: 1 })) {
    for (const item of decodeBatch(bytes)) {
      items += 1
      seen.add(waybillEvent.parse(decode(item)).id)
    }
  }
  return items - seen.size
}
