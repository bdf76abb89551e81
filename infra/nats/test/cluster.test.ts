import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import { until } from '../../../test/fixture/until.ts'
import { startNatsServer, type NatsServer } from '../src/index.ts'

const names = ['n1', 'n2', 'n3']

test('three servers agree on a leader, go by their names, and keep the routes they were given', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'waybill-cluster-'))
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(dir, { recursive: true, force: true }))
  const ports = await Promise.all(names.map(() => freePort()))
  const servers = await Promise.all(
    names.map(async (server, at) => {
      const routes = ports.filter((_, to) => to !== at).map((port) => `nats://127.0.0.1:${port}`)
      const cluster = { name: 'three', server, port: ports[at] ?? 0, routes }
      return undo.use(await start(join(dir, server), cluster))
    }),
  )
  const leaders = await Promise.all(servers.map((server) => leaderOf(server)))
  expect(names).toContain(leaders[0])
  expect(new Set(leaders).size).toBe(1)
  const nats = await connect({ servers: servers[1]?.url ?? '' })
  expect(nats.info?.server_name).toBe('n2')
  // Nobody is sent around what stands on a route, or to a server that was not named.
  expect(nats.info?.connect_urls ?? []).toEqual([])
  await nats.close()
})

function start(dir: string, cluster: Parameters<typeof startNatsServer>[0]['cluster']) {
  const binary = process.env['NATS_SERVER'] ?? 'nats-server'
  return startNatsServer({ binary, dir, sync: 'default', ...(cluster ? { cluster } : {}) })
}

interface JetStream {
  readonly meta_cluster?: { readonly leader?: string; readonly cluster_size: number }
}

const leaderOf = ({ monitoringUrl }: NatsServer): Promise<string> =>
  until('a leader is known', 15_000, async () => {
    // The server's own format.
    const { meta_cluster } = (await (await fetch(`${monitoringUrl}/jsz`)).json()) as JetStream
    return meta_cluster?.cluster_size === names.length && (meta_cluster.leader || undefined)
  })

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
