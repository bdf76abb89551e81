import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { CliError, usage } from '../error.ts'
import { exit } from '../exit.ts'
import { ago, collect } from '../options.ts'
import { bold, dim, table } from '../output.ts'
import { duration } from '../text.ts'
import type { BindingFigures, Figures } from '../whatif/figures.ts'

export function whatif(program: Command): void {
  program
    .command('whatif')
    .description(
      'recorded arrivals, durations and outcomes through other settings, on a virtual clock',
    )
    .option(
      '--set <binding.setting=value>',
      'as in ship.flow.concurrency.max=1; repeatable',
      collect,
    )
    .option('--since <time>', '30m, 24h, or a date', '24h')
    .option('--app <name>')
    .action(act<Options>(run))
}

interface Options {
  readonly set?: string[]
  readonly since: string
  readonly app?: string
}

async function run(cli: Cli, options: Options): Promise<void> {
  const { parseChange } = await import('../whatif/changes.ts')
  const changes = (options.set ?? []).map(parseChange)
  if (changes.length === 0) {
    throw usage('what would be other?', undefined, 'as in --set ship.flow.concurrency.max=1')
  }
  const { connectLog } = await import('../connection.ts')
  const { readPeriod, simulate } = await import('../whatif/index.ts')
  const { figuresOf } = await import('../whatif/figures.ts')
  await using journals = await connectLog(cli)
  const since = ago(options.since, '--since', Date.now()) ?? 0
  const app = await onlyApp(journals, options.app)
  const period = await readPeriod(journals, { app, since, signal: cli.signal })
  checkBindings(period.bindings, changes)
  const { slots } = journals.topology
  const asked = {
    hash: journals.log.hash,
    slots,
    since,
    partitions: period.partitions,
  }
  // The same settings first: how far what is simulated can be from what happened.
  const same = simulate({ ...asked, changes: [] })
  const other = simulate({ ...asked, changes })
  const before = figuresOf(period.partitions)
  const after = figuresOf(other.partitions)
  const answer = {
    app,
    since,
    set: changes.map(({ text }) => text),
    before: {
      ...before.all,
      bindings: before.bindings,
    },
    after: {
      ...after.all,
      bindings: after.bindings,
    },
    unchanged: { ...figuresOf(same.partitions).all },
    cannotKnow: [...standing, ...Object.entries(other.unknown).map(([what, n]) => `${n} ${what}`)],
  }
  cli.out.show(answer, () =>
    [
      bold(`${app}: ${before.all.dispatches} dispatches, with ${answer.set.join(', ')}`),
      shown(before.all, after.all),
      ...after.bindings.flatMap((one) => changedOnly(before.bindings, one, changes)),
      dim('what the record cannot know:'),
      ...answer.cannotKnow.map((line) => dim(`  ${line}`)),
    ].join('\n'),
  )
}

const standing: readonly string[] = [
  'how long a handler would take, or how it would end, at another time or beside other ones: its recorded attempts are taken',
  'what began before the period, and still held a permit in it: left out',
  'the time of commits and letters: taken as none',
]

type Journals = Awaited<ReturnType<typeof import('../connection.ts').connectLog>>

async function onlyApp(journals: Journals, named: string | undefined): Promise<string> {
  const { deployedApps } = await import('@waybill/history')
  const apps = (await deployedApps(journals)).filter((name) => !name.startsWith('_'))
  if (named !== undefined && apps.includes(named)) return named
  const [only, ...others] = apps
  if (named === undefined && only !== undefined && others.length === 0) return only
  if (only === undefined || named !== undefined) {
    throw new CliError({
      code: 'WB4008',
      what: named === undefined ? 'no app was ever deployed' : `no app ${named} was ever deployed`,
      ...(apps.length > 0 && { next: `one of: ${apps.join(', ')}` }),
      exitCode: exit.notFound,
    })
  }
  throw usage('several apps fit', apps.join(', '), 'say which with --app')
}

function checkBindings(
  known: ReadonlySet<string>,
  changes: readonly { readonly binding: string; readonly text: string }[],
): void {
  const wrong = changes.find(({ binding }) => !known.has(binding))
  if (!wrong) return
  throw usage(
    `there is no binding ${wrong.binding}`,
    wrong.text,
    `one of: ${[...known].sort().join(', ')}`,
  )
}

function changedOnly(
  before: readonly BindingFigures[],
  after: BindingFigures,
  changes: readonly { readonly binding: string }[],
): string[] {
  const was = before.find(({ binding }) => binding === after.binding)
  if (!was || !changes.some(({ binding }) => binding === after.binding)) return []
  return ['', bold(after.binding), shown(was, after)]
}

function shown(before: Figures, after: Figures): string {
  const rows: (readonly [string, string, string])[] = [
    ['dispatches', String(before.dispatches), String(after.dispatches)],
    ...named('states', before.states, after.states),
    ...named('reasons', before.reasons, after.reasons),
    ['attempts', String(before.attempts.total), String(after.attempts.total)],
    ['running at once', String(before.runningMost), String(after.runningMost)],
    ['wait p50', duration(before.waitMs.p50), duration(after.waitMs.p50)],
    ['wait p95', duration(before.waitMs.p95), duration(after.waitMs.p95)],
    ['wait max', duration(before.waitMs.max), duration(after.waitMs.max)],
    ['to the end p95', duration(before.endMs.p95), duration(after.endMs.p95)],
    ['all of it', duration(before.spanMs), duration(after.spanMs)],
  ]
  return table(rows, [
    { title: '', of: ([name]) => name },
    { title: 'BEFORE', of: (row) => row[1], align: 'right' },
    { title: 'AFTER', of: (row) => row[2], align: 'right' },
  ])
}

function named(
  _of: string,
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): (readonly [string, string, string])[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return names.map((name) => [`  ${name}`, String(before[name] ?? 0), String(after[name] ?? 0)])
}
