import { connect } from '@nats-io/transport-node'
import { applyTopology, embeddedTopology } from '@waybill/log'
import { startNatsServer } from '@waybill/nats'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { until } from '../fixture/until.ts'
import {
  end,
  freePort,
  root,
  run,
  start,
  untilReady,
  type Surroundings,
  type Waybill,
} from './processes.ts'

/** A running Waybill: all in one process, or each service in its own. */
export interface Stack extends AsyncDisposable {
  readonly ingress: string
  readonly nats: string
  readonly surroundings: Surroundings
  /** kill -9 in the middle of the load, and a restart. */
  kill(what: 'dispatcher' | 'nats'): Promise<void>
  /** Stops a dispatcher for longer than its lease, then lets it go on. */
  pauseDispatcher(): Promise<void>
}

export const app = join(root, 'packages/example-github/src/app.ts')
/** Short, so that a takeover fits a demo; twenty seconds otherwise. */
const leaseMs = 3000

export interface DevStack extends Stack {
  /** Where its page is. */
  readonly dashboard: string
}

/** `npm start` without a terminal: one `waybill dev`. */
export async function startDev(
  dir: string,
  secret: string,
  other: { readonly app?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<DevStack> {
  const port = await freePort()
  const data = join(dir, 'data')
  const own = { WAYBILL_GITHUB_SECRET: secret, WAYBILL_LOG_LEVEL: 'warn' }
  const env = { ...process.env, ...own, ...other.env }
  const surroundings = { dir, env: { ...env, WAYBILL_DATA: data } }
  const hosted = other.app ?? app
  const args = [
    'dev',
    '--app',
    hosted,
    '--data',
    data,
    '--port',
    String(port),
    '--dashboard-port',
    '0',
    '--no-tail',
  ]
  const dev = start(surroundings, 'dev', args)
  const ingress = `http://127.0.0.1:${port}`
  await untilReady(ingress, dev)
  // Written last of all: the page is there when the file is.
  const { url, dashboard } = await until('dev.json is written', 30_000, async () => {
    const text = await readFile(join(data, 'dev.json'), 'utf8').catch(() => undefined)
    return text === undefined ? undefined : projectFile.parse(JSON.parse(text))
  })
  return {
    ingress,
    dashboard,
    nats: url,
    surroundings: { dir, env: { ...env, NATS_URL: url } },
    kill: () => Promise.reject(new Error('one process has nobody to kill')),
    pauseDispatcher: () => Promise.reject(new Error('one process has nobody to pause')),
    [Symbol.asyncDispose]: () => end(dev, 'SIGTERM'),
  }
}

const projectFile = z.looseObject({ url: z.string(), dashboard: z.string() })

/** Ingress, two dispatchers and the projector as processes, on a server of the demo's own. */
export async function startProcesses(dir: string, secret: string): Promise<Stack> {
  const natsPort = await freePort()
  const startServer = () =>
    startNatsServer({
      dir: join(dir, 'nats'),
      port: natsPort,
      sync: 'always',
      ...(process.env['NATS_SERVER'] === undefined ? {} : { binary: process.env['NATS_SERVER'] }),
    })
  let server = await startServer()
  const nc = await connect({ servers: server.url })
  await applyTopology(nc, embeddedTopology)
  await nc.close()
  const port = await freePort()
  const endpoint = { name: 'github', verifier: 'github', secrets: [secret] }
  const surroundings = {
    dir,
    env: {
      ...process.env,
      NATS_URL: server.url,
      WAYBILL_LOG_LEVEL: 'warn',
      WAYBILL_INGRESS_HTTP_PORT: String(port),
      WAYBILL_INGRESS_ENDPOINTS: JSON.stringify([endpoint]),
      WAYBILL_DISPATCHER_LEASE_MS: String(leaseMs),
      WAYBILL_DISPATCHER_RENEW_EVERY_MS: String(leaseMs / 4),
    },
  }
  const deployed = await run(surroundings, ['deploy', '--app', app])
  if (deployed.code !== 0) throw new Error(`deploy: ${deployed.stderr}`)
  const dispatcher = async (name: string): Promise<Waybill> => {
    const data = join(dir, name)
    await mkdir(data, { recursive: true })
    return start(surroundings, name, [
      'dispatcher',
      '--app',
      app,
      '--instance',
      name,
      '--data',
      data,
    ])
  }
  const services = new Map<string, Waybill>()
  const stop = async (): Promise<void> => {
    await Promise.all([...services.values()].map((one) => end(one, 'SIGTERM')))
    await server.stop()
  }
  const ingress = start(surroundings, 'ingress', ['ingress'])
  services.set('ingress', ingress)
  for (const name of ['d1', 'd2']) services.set(name, await dispatcher(name))
  const projection = ['projector', '--instance', 'p1', '--data', join(dir, 'p1')]
  services.set('projector', start(surroundings, 'projector', projection))
  const base = `http://127.0.0.1:${port}`
  await untilReady(base, ingress).catch(async (cause: unknown) => {
    await stop()
    throw cause
  })
  return {
    ingress: base,
    nats: server.url,
    surroundings,
    async kill(what) {
      if (what === 'nats') {
        await server.kill('SIGKILL')
        server = await startServer()
        return
      }
      const victim = services.get('d1')
      if (victim) await end(victim, 'SIGKILL')
      services.set('d1', await dispatcher('d1'))
    },
    async pauseDispatcher() {
      const victim = services.get('d1')
      victim?.child.kill('SIGSTOP')
      await pause(2.5 * leaseMs)
      victim?.child.kill('SIGCONT')
    },
    [Symbol.asyncDispose]: stop,
  }
}
