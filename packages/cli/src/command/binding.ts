import { type Pause, pauseOf, type ResponseOf } from '@waybill/api'
import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import type { Connection } from '../connection.ts'
import { CliError } from '../error.ts'
import { exit } from '../exit.ts'
import { operator } from '../operator.ts'
import { bold, dim, fields, state, type Column } from '../output.ts'
import { appOf } from '../target.ts'
import { clip, count, duration, iso, relative } from '../text.ts'
import { check } from './binding-check.ts'

export function binding(program: Command): void {
  const noun = program.command('binding').description('what starts on which events, and pauses')
  noun
    .command('ls')
    .description('every version that is active or has open dispatches')
    .option('--app <name>')
    .option('--all', 'retired versions too')
    .action(act<{ app?: string; all?: boolean }>(list))
  noun
    .command('get')
    .description('one binding: its versions, limits, and what a pause holds back')
    .argument('<id>', 'a binding, or one version of it (id@v2)')
    .option('--app <name>')
    .action(act<{ app?: string }>((cli, options, id = '') => get(cli, options, id)))
  const deeds = {
    pause: 'starts nothing more; what comes is held in order, what runs goes on',
    resume: 'goes on, with what was held first',
  } as const
  for (const [deed, about] of Object.entries(deeds)) {
    const done = deed as keyof typeof deeds // a key of it
    noun
      .command(deed)
      .description(about)
      .argument('[id]', 'a binding; none: the whole app, with --all')
      .option('--all', 'the whole app')
      .option('--app <name>')
      .option('--reason <text>', 'kept in the log')
      .option('--dry-run', 'only say whether it could be done')
      .action(act<OrderOptions>((cli, options, id) => order(cli, options, done, id)))
  }
  check(noun)
}

type Row = ResponseOf<'binding.list'>['bindings'][number]

type Shown = Row & { readonly paused?: Pause }

async function look(
  { api }: Connection,
  app: string | undefined,
  id?: string,
): Promise<readonly Shown[]> {
  const named = app === undefined ? {} : { app }
  const asked = { ...named, ...(id !== undefined && { binding: id }) }
  const [{ bindings }, statuses] = await Promise.all([
    api.call('binding.list', asked),
    api.callEach('partition.status', named),
  ])
  const partitions = statuses.flatMap((status) => status.partitions)
  return bindings.map((row) => {
    const paused = row.state === 'active' ? pauseOf(row, partitions) : undefined
    return { ...row, ...(paused && { paused }) }
  })
}

async function list(cli: Cli, { app, all }: { app?: string; all?: boolean }): Promise<void> {
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const rows = await look(connection, app)
  cli.out.list({
    name: 'bindings',
    rows: all ? rows : rows.filter((row) => row.state !== 'retired'),
    columns: columns(Date.now()),
    empty: 'no bindings: waybill deploy --app <file>',
  })
}

const columns = (now: number): readonly Column<Shown>[] => [
  { title: 'APP', of: ({ app }) => app },
  { title: 'BINDING', of: ({ key }) => key },
  { title: 'STATE', of: (row) => stateText(row) },
  { title: 'ON', of: ({ manifest }) => clip(manifest.on.join(', '), 40) },
  {
    title: 'LIMITS',
    of: ({ manifest }) => String(manifest.flow?.limits.length ?? 0),
    align: 'right',
  },
  { title: 'OPEN', of: ({ open }) => String(open), align: 'right' },
  { title: 'HELD', of: ({ paused }) => String(paused?.events ?? ''), align: 'right' },
  { title: 'DEPLOYED', of: ({ deployedAt }) => relative(deployedAt, now) },
  { title: 'WHY', of: ({ paused }) => dim(clip(pauseText(paused, now), 60)) },
]

function stateText({ state: name, paused }: Shown): string {
  if (paused?.pause) return state('warn', 'paused')
  if (paused) return state('warn', 'catching up')
  return name === 'active' ? state('ok', name) : dim(name)
}

const pauseText = (paused: Pause | undefined, now: number): string =>
  paused?.pause
    ? `${relative(paused.pause.since, now)} by ${paused.pause.by}: ${paused.pause.reason}`
    : ''

async function get(cli: Cli, { app }: { app?: string }, id: string): Promise<void> {
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const rows = await look(connection, app, id)
  if (rows.length === 0) {
    const next = 'waybill binding ls'
    const what = 'no such binding'
    throw new CliError({ code: 'WB4018', what, where: id, next, exitCode: exit.notFound })
  }
  const now = Date.now()
  cli.out.show({ bindings: rows }, () => rows.map((row) => shown(row, now)).join('\n\n'))
}

function shown(row: Shown, now: number): string {
  const { manifest, paused } = row
  const { timeouts, retry } = manifest
  const limits = manifest.flow?.limits.map(
    ({ name, scope, rule, key }) =>
      `  limit ${name}  ${scope}  ${JSON.stringify(rule)}${key === undefined ? '' : dim('  by key')}`,
  )
  return [
    `${bold(row.key)}  ${stateText(row)}`,
    fields([
      ['app', row.app],
      ['on', manifest.on.join(', ')],
      ['when', manifest.when && (manifest.when.kind === 'cel' ? manifest.when.text : 'a function')],
      ['attempts', `${retry.maxAttempts}, of at most ${duration(timeouts.attemptMs)}`],
      ['priority', manifest.priority],
      ['open', count(row.open, 'dispatch', 'dispatches')],
      ['deployed', iso(row.deployedAt)],
      ['paused', pauseText(paused, now) || undefined],
      ['held', paused && `${paused.events}, the oldest for ${duration(paused.ageMs)}`],
    ]),
    ...(limits ?? []),
  ].join('\n')
}

interface OrderOptions {
  readonly all?: boolean
  readonly app?: string
  readonly reason?: string
  readonly dryRun?: boolean
}

async function order(
  cli: Cli,
  options: OrderOptions,
  deed: 'pause' | 'resume',
  id: string | undefined,
): Promise<void> {
  const { usage } = await import('../error.ts')
  if ((id === undefined) !== (options.all === true)) {
    throw usage(`${deed} what?`, undefined, 'name a binding, or say --all for the whole app')
  }
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const app = await appOf(connection, options.app)
  const done = await connection.api.call(`binding.${deed}`, {
    app,
    by: operator(),
    reason: options.reason ?? `${deed}d by an operator`,
    dryRun: options.dryRun ?? false,
    ...(id !== undefined && { binding: id }),
  })
  const verb = done.dryRun ? `would be ${deed}d` : `is ${deed}d`
  cli.out.show(
    done,
    () =>
      `${id ?? `all of ${app}`} ${verb}` +
      (done.change === undefined ? '' : dim(`, change ${done.change}`)),
  )
}
