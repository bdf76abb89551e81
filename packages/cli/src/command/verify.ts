import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { exit, type ExitCode } from '../exit.ts'
import { bold, dim, state } from '../output.ts'
import { count, duration } from '../text.ts'

export function verify(program: Command): void {
  program
    .command('verify')
    .description('checks that every journal hangs together and that no accepted event is missing')
    .option('--app <name>')
    .option('--ended', 'also fail while anything is open or unread')
    .action(act<Options>(run))
}

interface Options {
  readonly app?: string
  readonly ended?: boolean
}

async function run(cli: Cli, options: Options): Promise<ExitCode> {
  const { connectLog } = await import('../connection.ts')
  const { checkHistory } = await import('@waybill/history')
  await using journals = await connectLog(cli)
  const result = await checkHistory(journals, {
    app: options.app,
    signal: cli.signal,
    onPartition({ app, slot, bundles, entries, open }, findings) {
      if (cli.out.format !== 'table') return
      cli.out.say(
        dim(
          `${app}/${slot}  ${count(bundles, 'bundle')}, ${count(entries, 'entry', 'entries')}, ${open} open`,
        ),
      )
      for (const { rule, what, bundle, seq, entry, dispatch } of findings) {
        const at = entry === undefined ? '' : `, entry ${entry}`
        const of = dispatch === undefined ? '' : ` of ${dispatch}`
        cli.out.say(
          `  ${state('fail', bold(rule))}${of} at bundle ${bundle} (sequence ${seq})${at}: ${what}`,
        )
      }
    },
  })
  const { findings, open, unread, partitions, ms } = result
  const unfinished = open + unread
  cli.out.show(result, () => {
    const size = `${count(partitions.length, 'partition')}, ${open} open, ${unread} unread, ${duration(ms)}`
    if (findings.length > 0) return `${state('fail', count(findings.length, 'finding'))}: ${size}`
    return `${state('ok', 'clean')}: ${size}`
  })
  return findings.length > 0 || (options.ended && unfinished > 0) ? exit.failed : exit.done
}
