import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { parseDuration } from '../text.ts'
import { usage } from '../error.ts'

export function top(program: Command): void {
  program
    .command('top')
    .description('what goes on now: dispatches a second, who waits, what is open, dead or behind')
    .option('--app <name>')
    .option('--every <duration>', 'how often it looks', '2s')
    .option('--once', 'looks for a second, says it once')
    .action(act<Options>(run))
}

interface Options {
  readonly app?: string
  readonly every: string
  readonly once?: boolean
}

const onceMs = 1000

async function run(cli: Cli, { app, every, once }: Options): Promise<void> {
  const everyMs = once ? onceMs : parseDuration(every)
  if (everyMs === undefined || everyMs < 200) {
    throw usage('--every is too short, or no length of time', every, 'write it as 2s')
  }
  const { connect } = await import('../connection.ts')
  const { createTop } = await import('../live/top.ts')
  const { topText } = await import('../view/top.ts')
  const { appOf } = await import('../target.ts')
  await using connection = await connect(cli)
  const name = await appOf(connection, app)
  const { nc, api } = connection
  const watching = await createTop({ nc, prefix: cli.prefix, api }, name, cli.signal)
  do {
    const seen = await watching.look(everyMs)
    if (cli.signal.aborted) return
    if (once) cli.out.show(seen, () => topText(seen))
    else cli.out.line(seen, () => `${clear}${topText(seen)}`)
  } while (!once)
}

/** Cursor home, and nothing below: redrawn in place, where there is a terminal. */
const clear = process.stdout.isTTY ? '\u001B[H\u001B[J' : ''
