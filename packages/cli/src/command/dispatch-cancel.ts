import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { usage } from '../error.ts'
import { operator } from '../operator.ts'
import { state } from '../output.ts'
import { count, shortId } from '../text.ts'

export function cancel(noun: Command): void {
  noun
    .command('cancel')
    .description('cancels one dispatch, those of an event, or those a filter finds')
    .argument('[id]', 'dispatch, or the beginning of its id')
    .option('--event <id>', 'all dispatches of an event')
    .option('--filter <terms>', 'binding=<id>,state=<state>,tenant=<name>')
    .option('--app <name>', 'needed with --filter when several apps run')
    .option('--reason <text>', 'kept in the log')
    .option('--dry-run', 'only say what would be cancelled')
    .option('--yes', 'cancel more than one without asking')
    .action(act<Options>((cli, options, id) => run(cli, options, id)))
}

interface Options {
  readonly event?: string
  readonly filter?: string
  readonly app?: string
  readonly reason?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
}

async function run(cli: Cli, options: Options, id: string | undefined): Promise<void> {
  const given = [id, options.event, options.filter].filter((one) => one !== undefined)
  if (given.length !== 1) {
    throw usage(
      'cancel wants one of: a dispatch, --event or --filter',
      `${given.length} were given`,
    )
  }
  const { connect } = await import('../connection.ts')
  const { resolveTarget } = await import('../target.ts')
  await using connection = await connect(cli)
  const { app, target } = await resolveTarget(connection, { ...options, id })
  const command = {
    app,
    target,
    by: operator(),
    reason: options.reason ?? 'cancelled by an operator',
  }
  // More than one at a time is first shown, then done: nobody cancels 40,000 by a typing mistake.
  if (options.dryRun || (target.kind !== 'dispatch' && !options.yes)) {
    const plan = await connection.api.call('dispatch.cancel', { ...command, dryRun: true })
    cli.out.show(plan, () => `would cancel ${told(plan)}`)
    if (options.dryRun) return
    throw usage(
      'this would cancel several dispatches',
      undefined,
      'say --yes to go on, --dry-run to only look',
    )
  }
  const done = await connection.api.call('dispatch.cancel', command)
  cli.out.show(done, () => `${state('cancelled')} ${told(done)}`)
}

function told({
  dispatches,
  ids,
  more,
}: {
  dispatches: number
  ids: string[]
  more: boolean
}): string {
  const some = ids.slice(0, 10).map(shortId).join(', ')
  const rest = more || ids.length > 10 ? ' ...' : ''
  return `${count(dispatches, 'dispatch', 'dispatches')}${some === '' ? '' : `: ${some}${rest}`}`
}
