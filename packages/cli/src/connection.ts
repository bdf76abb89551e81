import { createApiClient, type ApiClient } from '@waybill/api'
import {
  openJetStreamLog,
  openSnapshots,
  readTopology,
  sha256,
  type EventLog,
  type SnapshotStore,
  type Topology,
} from '@waybill/log'
import { connectNats, createLogger, openScope, ServiceError } from '@waybill/service'
import type { Cli } from './cli.ts'
import { CliError } from './error.ts'
import { exit } from './exit.ts'
import type { ProjectFile } from './project-file.ts'
import { findServer, withoutPassword, type Server } from './server.ts'

export type Nats = Awaited<ReturnType<typeof connectNats>>

export interface Connection extends AsyncDisposable, Server {
  readonly nc: Nats
  readonly api: ApiClient
}

/** Found by `--server`, `NATS_URL`, or the `waybill dev` that runs in this project. */
export async function connect(cli: Cli): Promise<Connection> {
  const { url, project } = findServer(cli.server)
  const scope = openScope({ log: createLogger({ level: 'silent' }), graceMs: 2000 })
  try {
    const creds = process.env['NATS_CREDS']
    const settings = {
      natsServers: url.split(','),
      natsConnectWithinMs: Math.min(cli.timeoutMs, connectMsMax),
      ...(creds === undefined ? {} : { natsCreds: creds }),
    }
    const nc = await connectNats(scope, settings, {
      name: 'waybill-cli',
      onPermissionViolation: 'log',
    })
    const { timeoutMs, prefix } = cli
    return {
      nc,
      url,
      project,
      api: createApiClient(nc, { timeoutMs, prefix }),
      [Symbol.asyncDispose]: () => scope.stop(),
    }
  } catch (cause) {
    await scope.stop().catch(() => undefined)
    throw explained(cause, url, project)
  }
}

const connectMsMax = 3000

function explained(cause: unknown, url: string, project: ProjectFile | undefined): unknown {
  if (!(cause instanceof ServiceError) || cause.code !== 'WB1111') return cause
  return new CliError(
    {
      code: 'WB4002',
      what: 'NATS cannot be reached',
      where: withoutPassword(url),
      why: project ? `\`waybill dev\` (process ${project.pid}) does not answer` : cause.why,
      next: project ? 'stop it and start it again' : 'is the server up, and is this its address?',
      exitCode: exit.unreachable,
    },
    { cause },
  )
}

/** The log itself, for commands that read the journal rather than ask about it. */
export interface LogConnection extends Connection {
  readonly log: EventLog
  readonly snapshots: SnapshotStore
  readonly topology: Topology
}

export async function connectLog(cli: Cli): Promise<LogConnection> {
  const connection = await connect(cli)
  try {
    const topology = await readTopology(connection.nc, cli.prefix)
    if (!topology) throw noTopology(connection.url, cli.prefix)
    const { nc } = connection
    const log = await openJetStreamLog({ nc, topology, hash: sha256 })
    const snapshots = openSnapshots({ nc, topology, hash: sha256 })
    return {
      ...connection,
      log,
      snapshots,
      topology,
      async [Symbol.asyncDispose]() {
        await snapshots[Symbol.asyncDispose]()
        await log[Symbol.asyncDispose]()
        await connection[Symbol.asyncDispose]()
      },
    }
  } catch (cause) {
    await connection[Symbol.asyncDispose]()
    throw cause
  }
}

const noTopology = (url: string, prefix: string): CliError =>
  new CliError({
    code: 'WB4004',
    what: 'this server has no Waybill streams',
    where: url,
    why: `no journal under the prefix ${prefix}`,
    next: 'make them: waybill topology apply',
    exitCode: exit.notFound,
  })
