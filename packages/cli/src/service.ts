import { commonSettings, createLogger, loadConfig, serve, type Scope } from '@waybill/service'
import { z } from 'zod'
import { ownSignals, type Cli } from './cli.ts'
import { findServer } from './server.ts'

const common = z.object(commonSettings)

export interface Hosted<Schema extends typeof common> {
  readonly service: 'ingress' | 'dispatcher' | 'projector'
  readonly schema: Schema
  readonly start: (scope: Scope, config: z.output<Schema>) => Promise<unknown>
  /** What flags say; they win over variables. */
  readonly overrides: Readonly<Record<string, unknown>>
}

/** One service in this process, until a signal ends it. Does not return. */
export async function host<Schema extends typeof common>(
  cli: Cli,
  { service, schema, start, overrides }: Hosted<Schema>,
): Promise<never> {
  const { WAYBILL_NATS_SERVERS: named } = process.env
  const natsServers = cli.server === undefined && named ? undefined : [findServer(cli.server).url]
  const config = loadConfig(schema, process.env, {
    service,
    overrides: { natsServers, prefix: cli.prefix, ...overrides },
  })
  const { instance, logLevel: level, logPretty, drainMs } = common.parse(config)
  const format = logPretty || process.stderr.isTTY ? 'pretty' : 'json'
  const log = createLogger({ fields: { service, instance }, level, format })
  ownSignals()
  return serve(async (scope) => void (await start(scope, config)), { log, graceMs: drainMs })
}
