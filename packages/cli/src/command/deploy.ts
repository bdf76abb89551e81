import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { operator } from '../operator.ts'
import { dim, state } from '../output.ts'
import { disputed } from '../view/dispute.ts'

export function deploy(program: Command): void {
  program
    .command('deploy')
    .description("makes an app's definitions the active ones")
    .requiredOption('--app <module>', 'the module that exports it')
    .action(act<{ app: string }>(run))
}

async function run(cli: Cli, options: { app: string }): Promise<void> {
  const { connectLog } = await import('../connection.ts')
  const { deployApp, findDisputes } = await import('@waybill/engine')
  const { loadApp } = await import('@waybill/sdk')
  const app = await loadApp(options.app)
  await using journals = await connectLog(cli)
  const deployed = await deployApp(journals.log, journals.topology, app, { by: operator() })
  const { number, changed, active } = deployed
  const disputes = await findDisputes(journals.log, journals.topology, app)
  cli.out.show({ app: app.name, ...deployed, disputes }, () =>
    [
      `${state('ok', app.name)} ${changed ? `deployed as change ${number}` : `is deployed like this already (change ${number})`}`,
      ...active.map((key) => `  ${key}`),
      ...disputes.map((one) => disputed(one, app.name)),
    ].join('\n'),
  )
  if (cli.out.format !== 'table') return
  cli.out.say(dim(`run its handlers: waybill dispatcher --app ${options.app}`))
}
