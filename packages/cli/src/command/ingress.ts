import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import type { ExitCode } from '../exit.ts'
import { collect, whole } from '../options.ts'

export function ingress(program: Command): void {
  program
    .command('ingress')
    .description('takes events in: webhooks, CloudEvents, requests')
    .option('--port <n>', 'HTTP port')
    .option('--host <address>', 'HTTP address')
    .option('--app <module>', 'its event types are checked here; repeatable', collect)
    .option('--endpoints <json>', 'webhook endpoints; see WAYBILL_ENDPOINTS')
    .option('--instance <name>', 'of this process')
    .addHelpText('after', '\nEvery setting is also a variable, as in WAYBILL_HTTP_PORT.')
    .action(act<Options>(run))
}

interface Options {
  readonly port?: string
  readonly host?: string
  readonly app?: string[]
  readonly endpoints?: string
  readonly instance?: string
}

async function run(cli: Cli, options: Options): Promise<ExitCode> {
  const { ingressConfig, run: start } = await import('@waybill/ingress')
  const { host } = await import('../service.ts')
  return host(cli, {
    service: 'ingress',
    schema: ingressConfig,
    start,
    overrides: {
      httpPort: whole(options.port, '--port'),
      httpHost: options.host,
      apps: options.app,
      endpoints: options.endpoints,
      instance: options.instance,
    },
  })
}
