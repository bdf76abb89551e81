import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import type { ExitCode } from '../exit.ts'

export function dispatcher(program: Command): void {
  program
    .command('dispatcher')
    .description('hosts partitions of one app and runs its handlers')
    .option('--app <module>', 'the module that exports it')
    .option('--instance <name>', 'of this process; the same after a restart')
    .option('--data <folder>', 'where it keeps the lock of its name')
    .addHelpText('after', '\nEvery setting is also a variable, as in WAYBILL_HOT_MAX.')
    .action(act<Options>(run))
}

interface Options {
  readonly app?: string
  readonly instance?: string
  readonly data?: string
}

async function run(cli: Cli, { app, instance, data }: Options): Promise<ExitCode> {
  const { dispatcherConfig, run: start } = await import('@waybill/dispatcher')
  const { host } = await import('../service.ts')
  const overrides = { app, instance, data }
  return host(cli, { service: 'dispatcher', schema: dispatcherConfig, start, overrides })
}
