import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../../demo/processes.ts'
import type { Backend } from '../stack.ts'
import { until } from '../../fixture/until.ts'
import { openLines, type Lines } from './lines.ts'
import { monitoringOf, openNode, type ClusterNode, type NodeOptions } from './node.ts'

export type { ClusterNode }

/** Three servers on loopback, each with a store of its own. Any test may have one. */
export interface Cluster extends Backend {
  readonly replicas: 3
  readonly nodes: readonly ClusterNode[]
  /** Resolves once all servers are there, know each other and have caught up. */
  whole(withinMs?: number): Promise<unknown>
  /** Nothing passes between this server and the others; whoever speaks to it still does. */
  cutOff(node: ClusterNode): void
  heal(): void
  leader(stream: string): Promise<ClusterNode>
  metaLeader(): Promise<ClusterNode>
  /** Moves the leadership of a stream. */
  lead(stream: string, node: ClusterNode, withinMs?: number): Promise<void>
  /** The server where the first connection is whose name begins so. */
  homeOf(client: string): Promise<ClusterNode | undefined>
}

export interface ClusterOptions {
  readonly sync?: 'always' | 'default'
  /** Where the stores are; they are told apart by name, so a copy of one is the same server. */
  readonly dirs?: readonly string[]
  /** They need not have come together yet: for stores that may keep them from it. */
  readonly loose?: boolean
}

const names = ['n1', 'n2', 'n3'] as const
const wholeWithinMs = 60_000

export async function startCluster(dir: string, options: ClusterOptions = {}): Promise<Cluster> {
  await using undo = new AsyncDisposableStack()
  const { sync = 'always', loose = false, dirs = names.map((name) => join(dir, name)) } = options
  const ports = await Promise.all(names.map(() => freePort()))
  const lines = undo.use(await openLines(ports))
  const settings = names.map((name, at): NodeOptions => {
    const cluster = { name: 'chaos', server: name, port: ports[at] ?? 0, routes: lines.from(at) }
    return { dir: dirs[at] ?? '', sync, cluster }
  })
  // At once: one alone waits for the others.
  const started = await Promise.allSettled(settings.map((one) => openNode(one)))
  for (const one of started) if (one.status === 'fulfilled') undo.use(one.value)
  for (const one of started) if (one.status === 'rejected') throw one.reason
  const nodes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const cluster = clusterOf(nodes, lines)
  if (!loose) await cluster.whole()
  const rest = undo.move()
  return { ...cluster, [Symbol.asyncDispose]: () => rest.disposeAsync() }
}

function clusterOf(
  nodes: readonly ClusterNode[],
  lines: Lines,
): Omit<Cluster, typeof Symbol.asyncDispose> {
  const urls = nodes.map(({ url }) => url).join(',')
  const named = (name: string | undefined): ClusterNode => {
    const node = nodes.find((one) => one.name === name)
    if (!node) throw new Error(`no server is called ${name}`)
    return node
  }
  const leaderName = (stream: string) =>
    withManager(urls, async ({ streams }) => (await streams.info(stream)).cluster?.leader)
  return {
    services: urls,
    direct: urls,
    replicas: 3,
    nodes,
    whole: (withinMs = wholeWithinMs) =>
      until('the cluster is whole', withinMs, () => isWhole(nodes)),
    cutOff: (node) => lines.cutOff(nodes.indexOf(node)),
    heal: () => lines.heal(),
    leader: async (stream) => named(await leaderName(stream)),
    metaLeader: async () => named(await metaLeaderOf(nodes)),
    async lead(stream, node, withinMs = wholeWithinMs) {
      const isLed = async () => {
        if ((await leaderName(stream)) === node.name) return true
        await stepDown(urls, stream, node.name)
        await wait(500)
        return false
      }
      await until(`${node.name} leads ${stream}`, withinMs, isLed)
    },
    async homeOf(client) {
      for (const node of nodes) {
        const { connections = [] } = await monitoringOf(node, 'connz')
        if (connections.some(({ name }) => name?.startsWith(client))) return node
      }
      return undefined
    },
  }
}

/** Each has caught up by its own account, and the leader sees the two others. */
async function isWhole(nodes: readonly ClusterNode[]): Promise<boolean> {
  const healthy = await Promise.all(nodes.map((node) => monitoringOf(node, 'healthz')))
  if (!healthy.every(({ status }) => status === 'ok')) return false
  const seen = await Promise.all(nodes.map((node) => monitoringOf(node, 'jsz')))
  const leader = nodes.find(({ name }) => name === seen[0]?.meta_cluster?.leader)
  // Only the leader knows of all others how far they are.
  const peers = seen[leader ? nodes.indexOf(leader) : -1]?.meta_cluster?.replicas ?? []
  return peers.length === nodes.length - 1 && peers.every(({ current }) => current)
}

async function metaLeaderOf(nodes: readonly ClusterNode[]): Promise<string | undefined> {
  const [first] = await Promise.all(nodes.map((node) => monitoringOf(node, 'jsz')))
  return first?.meta_cluster?.leader
}

async function stepDown(servers: string, stream: string, preferred: string): Promise<void> {
  const nc = await connect({ servers: servers.split(',') })
  try {
    const body = JSON.stringify({ placement: { preferred } })
    await nc.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, body, { timeout: 5000 })
  } finally {
    await nc.close()
  }
}

type Manager = Awaited<ReturnType<typeof jetstreamManager>>

async function withManager<Result>(
  servers: string,
  work: (manager: Manager) => Promise<Result>,
): Promise<Result> {
  const nc = await connect({ servers: servers.split(',') })
  try {
    return await work(await jetstreamManager(nc))
  } finally {
    await nc.close()
  }
}
