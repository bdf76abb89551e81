import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { collect, words } from '../options.ts'

export function tail(program: Command): void {
  program
    .command('tail')
    .description('one line per transition, as it happens')
    .option('--app <name>')
    .option('--binding <id>', 'a binding, or one version of it (id@v2)')
    .option('--state <state>', 'only what leads there; repeatable', collect)
    .action(act<Options>(run))
}

interface Options {
  readonly app?: string
  readonly binding?: string
  readonly state?: string[]
}

async function run(cli: Cli, { app, binding, state }: Options): Promise<void> {
  const { connect } = await import('../connection.ts')
  const { tailLive } = await import('../live/tail.ts')
  await using connection = await connect(cli)
  // It tells what happens: without one there is nothing to wait for.
  await connection.api.callEach('projection.status', {})
  const source = { nc: connection.nc, prefix: cli.prefix }
  await tailLive(cli.out, source, { app, binding, states: words(state) }, cli.signal)
}
