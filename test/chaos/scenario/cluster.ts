import { streamNames } from '@waybill/log'
import { stat } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { startCluster, type Cluster, type ClusterNode } from '../cluster/cluster.ts'
import { arrangeMinority, findProgress, watchMinority, type Cut } from '../cluster/minority.ts'
import { longerOf, watchStalls, type Stalls } from '../cluster/stall.ts'
import { judge, openLog } from '../judge.ts'
import { startLoad, type Load } from '../load.ts'
import type { Scenario } from '../scenario.ts'
import { startStack, type Stack } from '../stack.ts'
import { until } from '../../fixture/until.ts'

type Fault = 'kill' | 'pause' | 'partition'

/** Longer than a new leader takes to be found, mostly; two dispatchers quarrel when it is not. */
const leaseMs = 6000
const downMs = 2000
const pausedMs = 12_000
const healedWithinMs = 60_000

/** Three servers, streams on all of them, and one fault after the other; the leader is the victim. */
export function cluster(what: string, faults: readonly Fault[]): Scenario {
  return {
    what,
    rounds: faults.length,
    async run(dir, rounds) {
      const servers = await startCluster(dir)
      await using stack = await startStack(dir, servers, { leaseMs })
      const load = startLoad(stack.ingress)
      const stalls: Partial<Record<Fault, Stalls>> = {}
      const at: Place = { stack, servers, cuts: [], journal: await journalOf(stack) }
      for (let round = 0; round < rounds; round++) {
        const fault = faults[round % faults.length]
        if (!fault) throw new Error('a scenario needs a fault')
        await progress(stack, load, 'it goes on')
        const watch = watchStalls(stack, load)
        await inflict[fault](at, Math.floor(round / faults.length))
        await progress(stack, load, `it goes on after ${fault}`)
        stalls[fault] = longerOf(stalls[fault], watch.stop())
        await servers.whole()
      }
      await load.stop()
      const judged = await judge(stack, load.acknowledged)
      const problems = [...judged.problems, ...load.wrong, ...(await findProgress(stack, at.cuts))]
      return { ...judged, refused: load.refused, longestStall: stalls, problems }
    },
  }
}

interface Place {
  readonly stack: Stack
  readonly servers: Cluster
  readonly cuts: Cut[]
  readonly journal: string
}

const inflict: Readonly<Record<Fault, (at: Place, round: number) => Promise<void>>> = {
  /** The leader of the journal, and in the next round that of the cluster itself. */
  async kill({ servers, journal }, round) {
    const victim = await (round % 2 === 0 ? servers.leader(journal) : servers.metaLeader())
    await victim.kill()
    await wait(downMs)
    await victim.start()
  },

  async pause({ servers, journal }) {
    const victim: ClusterNode = await servers.leader(journal)
    victim.pause()
    await wait(pausedMs)
    victim.goOn()
  },

  /** The journal's leader, with a dispatcher that still reaches it and nobody else. */
  async partition({ stack, servers, cuts, journal }) {
    const minority = await arrangeMinority(stack, servers)
    await servers.lead(journal, minority.node)
    servers.cutOff(minority.node)
    try {
      cuts.push(await watchMinority(stack, minority))
    } finally {
      servers.heal()
    }
  },
}

/** Events are taken in and handlers run: nobody had to do anything for it. */
async function progress({ effects }: Stack, load: Load, what: string): Promise<void> {
  const handled = async () => (await stat(effects).catch(() => undefined))?.size ?? 0
  const before = { acknowledged: load.acknowledged.size, handled: await handled() }
  const isSo = async () =>
    load.acknowledged.size > before.acknowledged + 20 && (await handled()) > before.handled
  await until(what, healedWithinMs, isSo)
}

async function journalOf({ backend }: Stack): Promise<string> {
  await using open = await openLog(backend.direct)
  return streamNames(open.topology).journal
}
