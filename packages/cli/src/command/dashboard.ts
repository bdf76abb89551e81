import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import type { ExitCode } from '../exit.ts'
import { operator } from '../operator.ts'
import { whole } from '../options.ts'

export function dashboard(program: Command): void {
  program
    .command('dashboard')
    .description('the page, the queries and commands over HTTP, and what happens as it happens')
    .option('--instance <name>', 'of this process')
    .option('--host <address>', 'that it listens on; beyond this machine it needs tokens')
    .option('--port <n>', 'HTTP port')
    .addHelpText(
      'after',
      '\nEvery setting is also a variable, as in WAYBILL_DASHBOARD_TOKENS_FILE.',
    )
    .action(act<Options>(run))
}

interface Options {
  readonly instance?: string
  readonly host?: string
  readonly port?: string
}

async function run(cli: Cli, { instance, host: httpHost, port }: Options): Promise<ExitCode> {
  const { dashboardConfig, run: start } = await import('@waybill/dashboard')
  const { host } = await import('../service.ts')
  const httpPort = whole(port, '--port')
  const user = process.env['WAYBILL_DASHBOARD_USER'] ?? operator()
  return host(cli, {
    service: 'dashboard',
    schema: dashboardConfig,
    start,
    overrides: { instance, httpHost, httpPort, user },
  })
}
