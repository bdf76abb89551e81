import { commonSettings, createLogger, parseConfig, type Scope } from '@waybill/service'
import { z } from 'zod'
import type { Cli } from './cli.ts'
import type { ExitCode } from './exit.ts'
import { serveUntilStopped } from './lifetime.ts'
import { findServer } from './server.ts'

const common = z.object(commonSettings)

export interface Hosted<Schema extends typeof common> {
  readonly service: 'ingress' | 'dispatcher' | 'projector' | 'dashboard'
  readonly schema: Schema
  readonly start: (scope: Scope, config: z.output<Schema>) => Promise<unknown>
  /** What flags say; they win over variables. */
  readonly overrides: Readonly<Record<string, unknown>>
}

/** One service in this process, until a signal ends it. */
export function host<Schema extends typeof common>(
  cli: Cli,
  { service, schema, start, overrides }: Hosted<Schema>,
): Promise<ExitCode> {
  const { WAYBILL_NATS_SERVERS: named } = process.env
  const natsServers = cli.server === undefined && named ? undefined : findServer(cli.server).url
  const config = parseConfig(schema, process.env, {
    service,
    overrides: { natsServers, prefix: cli.prefix, ...overrides },
  })
  const { instance, logLevel: level, logPretty, drainMs } = common.parse(config)
  const format = logPretty || process.stderr.isTTY ? 'pretty' : 'json'
  const log = createLogger({ fields: { service, instance }, level, format })
  return serveUntilStopped({ log, graceMs: drainMs }, async (scope) => {
    await start(scope, config)
    return {}
  })
}
