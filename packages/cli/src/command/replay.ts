import { Option, type Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { usage } from '../error.ts'
import { exit, type ExitCode } from '../exit.ts'
import { ago, whole } from '../options.ts'
import { dim, state } from '../output.ts'
import { count, duration } from '../text.ts'

export function replay(program: Command): void {
  program
    .command('replay')
    .description('decides again from the recorded inputs, and compares byte for byte')
    .argument('[what]', 'a dispatch, or a file that `waybill export` wrote')
    .option('--at <n>', 'the state as of transition n')
    .option('--all', 'every partition')
    .addOption(new Option('--since <time>', 'with --all: 24h, or a date'))
    .option('--app <name>', 'with --all: only this one')
    .option('--against <module>', "today's definitions; the first difference is drift")
    .addHelpText('after', '\nExit code 7: something is not decided as it was recorded.')
    .action(act<Options>((cli, options, what) => run(cli, options, what)))
}

interface Options {
  readonly at?: string
  readonly all?: boolean
  readonly since?: string
  readonly app?: string
  readonly against?: string
}

async function run(cli: Cli, options: Options, what: string | undefined): Promise<ExitCode> {
  const { all = false, at, against } = options
  if (all === (what !== undefined) || (all && (at !== undefined || against !== undefined))) {
    const next = 'waybill replay <dispatch>, waybill replay <file> or waybill replay --all'
    throw usage('replay wants one thing to replay', undefined, next)
  }
  if (all) return replayEverything(cli, options)
  return replayOne(cli, options, what ?? '')
}

async function replayEverything(cli: Cli, options: Options): Promise<ExitCode> {
  const { connectLog } = await import('../connection.ts')
  const { replayAll } = await import('../replay/all.ts')
  const { divergenceText } = await import('../view/replay.ts')
  const since = ago(options.since, '--since', Date.now())
  await using journals = await connectLog(cli)
  const result = await replayAll(journals, {
    app: options.app,
    since,
    signal: cli.signal,
    onPartition({ app, slot, dispatches, transitions, divergence }) {
      if (cli.out.format !== 'table') return
      const name = `${app}/${slot}`
      const done = `${count(dispatches, 'dispatch', 'dispatches')}, ${count(transitions, 'transition')}`
      cli.out.say(
        divergence ? `${name}  ${divergenceText(divergence)}` : dim(`${name}  ${done}, the same`),
      )
    },
  })
  const { dispatches, transitions, diverged, ms } = result
  cli.out.show({ dispatches, transitions, diverged, ms, partitions: result.partitions }, () =>
    diverged > 0
      ? `${state('fail', `${count(diverged, 'partition')} diverged`)} of ${result.partitions.length}`
      : `${state('ok', 'the same')}: ${count(dispatches, 'dispatch', 'dispatches')}, ${count(transitions, 'transition')} in ${duration(ms)}`,
  )
  return diverged > 0 ? exit.diverged : exit.done
}

async function replayOne(cli: Cli, options: Options, what: string): Promise<ExitCode> {
  const { sliceFrom, isFile } = await import('../replay/source.ts')
  const { replaySlice } = await import('../replay/slice-replay.ts')
  const { sha256 } = await import('@waybill/log')
  const { slice, divergence } = isFile(what)
    ? { slice: await sliceFrom.file(what), divergence: undefined }
    : await sliceFrom.journal(cli, what)
  if (options.against !== undefined) {
    const { showDrift } = await import('../replay/show.ts')
    return showDrift(cli, slice, options.against)
  }
  const { showMoment, showSteps } = await import('../replay/show.ts')
  const steps = [...replaySlice(slice, sha256)]
  const at = whole(options.at, '--at')
  return at === undefined
    ? showSteps(cli, slice, steps, divergence)
    : showMoment(cli, slice, steps, at)
}
