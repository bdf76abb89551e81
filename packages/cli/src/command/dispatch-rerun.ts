import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { oneOf } from '../options.ts'
import { operator } from '../operator.ts'
import { bold, dim } from '../output.ts'
import { shortId } from '../text.ts'

export function rerun(noun: Command): void {
  noun
    .command('rerun')
    .description('runs the event of a dispatch again, as a new dispatch linked to the old one')
    .argument('<id>', 'dispatch, or the beginning of its id')
    .option('--version <which>', 'of the binding: active, or the same as before', 'active')
    .option('--reason <text>', 'kept in the log')
    .option('--dry-run', 'only say what would run')
    .action(act<Options>((cli, options, id = '') => run(cli, options, id)))
}

interface Options {
  readonly version: string
  readonly reason?: string
  readonly dryRun?: boolean
}

async function run(cli: Cli, options: Options, id: string): Promise<void> {
  const version = oneOf([options.version], ['active', 'same'] as const, '--version')?.[0]
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const { dispatch } = await connection.api.call('dispatch.get', { id })
  const done = await connection.api.call(
    'dispatch.rerun',
    {
      app: dispatch.row.app,
      id: dispatch.row.id,
      by: operator(),
      reason: options.reason ?? 'rerun by an operator',
      dryRun: options.dryRun ?? false,
      ...(version && { version }),
    },
    { timeoutMs: 30_000 },
  )
  cli.out.show(done, () =>
    done.dispatch === undefined
      ? `would run ${shortId(done.of)} again under ${done.binding}`
      : `${bold(done.dispatch)} runs ${shortId(done.of)} again under ${done.binding}\n` +
        dim(`waybill dispatch watch ${shortId(done.dispatch)}`),
  )
}
