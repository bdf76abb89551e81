import { startNatsServer, type NatsServer, type NatsServerOptions } from '@waybill/nats'
import { z } from 'zod'
import { freePort } from '../../demo/processes.ts'

/** One server of a cluster, at one address and on one store through all its lives. */
export interface ClusterNode {
  readonly name: string
  readonly url: string
  readonly server: NatsServer
  /** kill -9 */
  kill(): Promise<void>
  start(): Promise<void>
  /** It does nothing and holds all that it has, until it goes on. */
  pause(): void
  goOn(): void
}

export type NodeOptions = Required<Pick<NatsServerOptions, 'dir' | 'sync' | 'cluster'>>

export async function openNode(options: NodeOptions): Promise<ClusterNode & AsyncDisposable> {
  const binary = process.env['NATS_SERVER']
  const port = await freePort()
  const begin = () =>
    startNatsServer({ ...options, port, ...(binary === undefined ? {} : { binary }) })
  let server = await begin()
  const { url } = server
  const goOn = () => void process.kill(server.pid, 'SIGCONT')
  return {
    name: options.cluster.server,
    url,
    get server() {
      return server
    },
    kill: async () => void (await server.kill('SIGKILL')),
    async start() {
      server = await begin()
    },
    pause: () => void process.kill(server.pid, 'SIGSTOP'),
    goOn,
    [Symbol.asyncDispose]: async () => {
      try {
        goOn()
      } catch {
        // It has ended already.
      }
      await server.stop()
    },
  }
}

const peer = z.looseObject({ name: z.string(), current: z.boolean() })
const answer = z.looseObject({
  status: z.string().optional(),
  connections: z.array(z.looseObject({ name: z.string().optional() })).optional(),
  meta_cluster: z
    .looseObject({ leader: z.string().optional(), replicas: z.array(peer).nullish() })
    .optional(),
})

const answerWithinMs = 2000

/** What a server says of itself; nothing, when it does not answer. */
export async function monitoringOf(
  { server }: Pick<ClusterNode, 'server'>,
  page: 'jsz' | 'connz' | 'healthz',
): Promise<z.infer<typeof answer>> {
  const signal = AbortSignal.timeout(answerWithinMs)
  const response = await fetch(`${server.monitoringUrl}/${page}`, { signal }).catch(() => undefined)
  return response === undefined ? {} : answer.parse(await response.json())
}
