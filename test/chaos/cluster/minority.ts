import { decodeBundle, streamNames, subjects, tail } from '@waybill/log'
import { readFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { Effect } from '../effects.ts'
import { openLog } from '../judge.ts'
import type { Dispatcher, Stack } from '../stack.ts'
import { until } from '../../fixture/until.ts'
import type { Cluster, ClusterNode } from './cluster.ts'

export interface Minority {
  /** To be cut off. */
  readonly node: ClusterNode
  readonly dispatcher: Dispatcher
  readonly rest: readonly ClusterNode[]
}

const arrangeTries = 20
const takenWithinMs = 60_000

/** A server with a dispatcher at it, while the other dispatcher and ingress are elsewhere. */
export async function arrangeMinority(stack: Stack, cluster: Cluster): Promise<Minority> {
  for (let attempt = 0; attempt < arrangeTries; attempt++) {
    const ingress = await cluster.homeOf('waybill-ingress')
    const homes = await Promise.all(
      stack.dispatchers.map(({ name }) => cluster.homeOf(`waybill-dispatcher-${name}`)),
    )
    for (const [at, dispatcher] of stack.dispatchers.entries()) {
      const node = homes[at]
      const isShared = homes.filter((home) => home === node).length > 1
      if (!node || node === ingress || isShared) continue
      await until(`${dispatcher.name} leads`, takenWithinMs, () => leads(cluster.nodes, dispatcher))
      return { node, dispatcher, rest: cluster.nodes.filter((one) => one !== node) }
    }
    await stack.dispatchers.at(-1)?.restart()
  }
  throw new Error('the dispatchers are always at one server')
}

/** What was on its way when the line was cut. */
const graceMs = 1000

/** Does the log's last word on any partition come from this dispatcher, as this server tells it? */
async function leads(at: readonly ClusterNode[], { name }: Dispatcher): Promise<boolean> {
  await using open = await openLog(at.map(({ url }) => url).join(','))
  const { log, topology } = open
  const { journal } = streamNames(topology)
  const slots = Array.from({ length: topology.slots }, (_, slot) => slot)
  const last = await Promise.all(
    slots.map((slot) => tail(log, journal, subjects(topology).journal('chaos', slot))),
  )
  return last.some((bundle) => bundle?.header.instance === name)
}

/**
 * From the cut until all partitions are taken over by the majority's dispatchers, and a while
 * longer. Tells what the dispatcher at the minority's server has brought about meanwhile.
 */
export async function watchMinority(stack: Stack, minority: Minority): Promise<Cut> {
  const { dispatcher, rest } = minority
  await wait(graceMs)
  const fromAt = Date.now()
  const before = await runsOf(stack, dispatcher)
  const isTaken = async () => !(await leads(rest, dispatcher))
  await until('the majority takes all partitions over', takenWithinMs, isTaken)
  await wait(2 * graceMs)
  const ran = (await runsOf(stack, dispatcher)) - before
  return { instance: dispatcher.name, ran, fromAt, toAt: Date.now() }
}

export interface Cut {
  readonly instance: string
  /** Lines of its handlers while it was cut off. */
  readonly ran: number
  readonly fromAt: number
  readonly toAt: number
}

async function runsOf({ effects }: Stack, { pid }: Dispatcher): Promise<number> {
  const lines = (await readFile(effects, 'utf8')).split('\n').filter((line) => line.length > 0)
  // Our own app's.
  return lines.filter((line) => (JSON.parse(line) as Effect).pid === pid).length
}

/** What was committed for one that was cut off, while it was. */
export async function findProgress(stack: Stack, cuts: readonly Cut[]): Promise<readonly string[]> {
  await using open = await openLog(stack.backend.direct)
  const { log, topology } = open
  const found = cuts.filter(({ ran }) => ran > 0).map(({ instance, ran }) => `${instance}: ${ran}`)
  const problems = found.map((one) => `lines of handlers at the minority's server: ${one}`)
  const stream = streamNames(topology).journal
  for await (const { seq, at, bytes } of log.read({ stream, subjects: [], fromSeq: 1 })) {
    const { instance } = decodeBundle(log.hash, bytes).header
    const cut = cuts.find((one) => one.instance === instance && one.fromAt < at && at < one.toAt)
    if (cut) problems.push(`bundle ${seq} is of ${instance}, which was cut off`)
  }
  return problems
}
