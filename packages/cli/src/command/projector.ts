import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import type { ExitCode } from '../exit.ts'

export function projector(program: Command): void {
  program
    .command('projector')
    .description('folds journals into the read store and answers questions from it')
    .option('--instance <name>', 'of this process')
    .option('--data <folder>', 'where its rows are kept')
    .addHelpText('after', '\nEvery setting is also a variable, as in WAYBILL_DATA.')
    .action(act<Options>(run))
}

interface Options {
  readonly instance?: string
  readonly data?: string
}

async function run(cli: Cli, { instance, data }: Options): Promise<ExitCode> {
  const { projectorConfig, run: start } = await import('@waybill/projector')
  const { host } = await import('../service.ts')
  return host(cli, {
    service: 'projector',
    schema: projectorConfig,
    start,
    overrides: { instance, data },
  })
}
