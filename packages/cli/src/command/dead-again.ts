import type { ResponseOf } from '@waybill/api'
import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { usage } from '../error.ts'
import { exit, type ExitCode } from '../exit.ts'
import { ago, collect, oneOf, whole } from '../options.ts'
import { operator } from '../operator.ts'
import { dim, state, type Column } from '../output.ts'
import { appOf } from '../target.ts'
import { clip, count, relative, shortId } from '../text.ts'

/** Dead letters in groups, run again, or given up for good. */
export function again(noun: Command): void {
  const filters = (command: Command): Command =>
    command
      .option('--reason-of <reason>', 'retry_exhausted, permanent ...; repeatable', collect)
      .option('--binding <id>', 'a binding, or one version of it (id@v2)')
      .option('--group <fingerprint>', 'what died of the same thing: waybill dead groups')
      .option('--text <text>', 'somewhere in id or error')
      .option('--since <time>', '30m, 24h, or a date')
      .option('--until <time>')
      .option('--app <name>')
  filters(noun.command('groups'))
    .description('dead letters by what they died of')
    .option('--limit <n>', 'at most 500', '50')
    .action(act<FilterOptions & { limit: string }>(groups))
  filters(noun.command('redrive'))
    .description('runs dead letters again, each as a new dispatch under the same idempotency key')
    .argument('[ids...]', 'dispatches, or beginnings of their ids')
    .option('--all', 'every pending one that the filter finds')
    .option('--rate <n>', 'a second, at most')
    .option('--version <which>', 'of the binding: active, or the same that failed', 'active')
    .option('--data <json>', 'instead of the data it died of; for one')
    .option('--reason <text>', 'kept in the log')
    .option('--dry-run', 'only count')
    .option('--yes', 'more than one without asking')
    .action(act<RedriveOptions>((cli, options, ...ids) => redrive(cli, options, ids.flat())))
  filters(noun.command('discard'))
    .description('dead letters that nobody will run again')
    .argument('[ids...]', 'dispatches, or beginnings of their ids')
    .option('--all', 'every pending one that the filter finds')
    .option('--reason <text>', 'kept in the log')
    .option('--dry-run', 'only count')
    .option('--yes', 'more than one without asking')
    .action(act<Options>((cli, options, ...ids) => discard(cli, options, ids.flat())))
}

interface FilterOptions {
  readonly reasonOf?: string[]
  readonly binding?: string
  readonly group?: string
  readonly text?: string
  readonly since?: string
  readonly until?: string
  readonly app?: string
}

interface Options extends FilterOptions {
  readonly all?: boolean
  readonly reason?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
}

interface RedriveOptions extends Options {
  readonly rate?: string
  readonly version: string
  readonly data?: string
}

async function filterOf({ reasonOf, binding, group, text, since, until }: FilterOptions) {
  const { deadReason } = await import('@waybill/core')
  const now = Date.now()
  return {
    ...(binding !== undefined && { binding }),
    ...(text !== undefined && { text }),
    ...(group !== undefined && { fingerprint: group }),
    ...(since !== undefined && { since: ago(since, '--since', now) }),
    ...(until !== undefined && { until: ago(until, '--until', now) }),
    ...(reasonOf && { reason: oneOf(reasonOf, deadReason.options, '--reason-of') }),
  }
}

async function groups(cli: Cli, options: FilterOptions & { limit: string }): Promise<void> {
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const { app } = options
  const { groups: rows, asOf } = await connection.api.call('dlq.groups', {
    ...(await filterOf(options)),
    ...(app !== undefined && { app }),
    limit: whole(options.limit, '--limit', 1),
  })
  cli.out.list({
    name: 'groups',
    rows,
    columns: columns(Date.now()),
    more: { asOf },
    empty: 'no dead letters: every dispatch ended, or is still at it',
  })
}

type Group = ResponseOf<'dlq.groups'>['groups'][number]

const columns = (now: number): readonly Column<Group>[] => [
  { title: 'GROUP', of: ({ fingerprint }) => fingerprint },
  { title: 'BINDING', of: ({ binding }) => binding },
  { title: 'REASON', of: ({ reason }) => state('dlq', reason) },
  { title: 'ENTRIES', of: ({ entries }) => String(entries), align: 'right' },
  { title: 'PENDING', of: ({ pending }) => String(pending), align: 'right' },
  { title: 'LAST', of: ({ lastAt }) => relative(lastAt, now) },
  { title: 'DIED OF', of: ({ top }) => dim(clip(top, 60)) },
]

type Connection = Awaited<ReturnType<typeof import('../connection.ts').connect>>

/** Ids as they are, or the filter; never everything by a mistake. */
async function meant(
  { api }: Connection,
  options: Options,
  ids: readonly string[],
): Promise<{ ids: string[] } | { filter: Awaited<ReturnType<typeof filterOf>> }> {
  if (ids.length > 0) {
    const found = await Promise.all(ids.map((id) => api.call('dlq.get', { id })))
    return { ids: found.map(({ entry }) => entry.id) }
  }
  const filter = await filterOf(options)
  if (options.all || Object.keys(filter).length > 0) return { filter }
  throw usage(
    'which dead letters?',
    undefined,
    'name them, or say --group, --binding, --since ... or --all',
  )
}

async function redrive(
  cli: Cli,
  options: RedriveOptions,
  ids: readonly string[],
): Promise<ExitCode> {
  const wishes = wishesOf(options)
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const command = {
    ...(await meant(connection, options, ids)),
    app: await appOf(connection, options.app),
    by: operator(),
    reason: options.reason ?? 'redriven by an operator',
    ...wishes,
  }
  // What is many is counted first: nobody runs 40,000 again by a typing mistake.
  const plan = await connection.api.call('dlq.redrive', { ...command, dryRun: true })
  if (options.dryRun) return foreseen(cli, plan, 'redrive')
  if (plan.matched > 1 && !options.yes) throw several(`redrive ${plan.matched} dead letters`)
  const done = await connection.api.call('dlq.redrive', command, { timeoutMs: 60_000 })
  const isLeft = done.matched > done.started.length + done.declined.length
  cli.out.show(done, () =>
    [
      isLeft
        ? `redriving ${count(done.matched, 'dead letter')}: waybill op get ${done.op ?? ''}`
        : outcome('succeeded', 'redriven', done.started.length),
      ...done.started.slice(0, linesMax).map((one) => `${shortId(one.of)} runs as ${one.dispatch}`),
      ...declinedLines(done.declined),
    ].join('\n'),
  )
  return isLeft ? exit.done : exitOf(done.started.length, done.declined)
}

function wishesOf({ version: named, data, rate }: RedriveOptions) {
  const version = oneOf([named], ['active', 'same'] as const, '--version')?.[0]
  const ratePerSecond = whole(rate, '--rate', 1)
  return {
    ...(version && { version }),
    ...(data !== undefined && { data: dataOf(data) }),
    ...(ratePerSecond !== undefined && { ratePerSecond }),
  }
}

async function discard(cli: Cli, options: Options, ids: readonly string[]): Promise<ExitCode> {
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const command = {
    ...(await meant(connection, options, ids)),
    app: await appOf(connection, options.app),
    by: operator(),
    reason: options.reason ?? 'discarded by an operator',
  }
  const plan = await connection.api.call('dlq.discard', { ...command, dryRun: true })
  if (options.dryRun) return foreseen(cli, plan, 'discard')
  if (plan.matched > 1 && !options.yes) throw several(`discard ${plan.matched} dead letters`)
  const done = await connection.api.call('dlq.discard', command, { timeoutMs: 60_000 })
  const isLeft = done.matched > done.discarded + done.declined.length
  cli.out.show(done, () =>
    [
      isLeft
        ? `discarding ${count(done.matched, 'dead letter')}: waybill op get ${done.op ?? ''}`
        : outcome('cancelled', 'discarded', done.discarded),
      ...declinedLines(done.declined),
    ].join('\n'),
  )
  return isLeft ? exit.done : exitOf(done.discarded, done.declined)
}

type Declined = ResponseOf<'dlq.discard'>['declined']
type Plan = Pick<ResponseOf<'dlq.redrive'>, 'matched' | 'declined'>

const linesMax = 10

function foreseen(cli: Cli, plan: Plan, verb: string): ExitCode {
  cli.out.show({ ...plan }, () =>
    [`would ${verb} ${count(plan.matched, 'dead letter')}`, ...declinedLines(plan.declined)].join(
      '\n',
    ),
  )
  return exitOf(plan.matched, plan.declined)
}

const outcome = (look: string, verb: string, many: number): string =>
  many === 0
    ? `no dead letter was ${verb}: none that is pending fits`
    : `${state(look, verb)} ${count(many, 'dead letter')}`

/** All that was asked for was declined. */
const exitOf = (done: number, declined: Declined): ExitCode =>
  done === 0 && declined.length > 0 ? exit.refused : exit.done

const several = (what: string) =>
  usage(`this would ${what}`, undefined, 'say --yes to go on, --dry-run to only look')

const declinedLines = (declined: Declined): string[] =>
  declined
    .slice(0, linesMax)
    .map(({ dispatch, reason }) =>
      reason.startsWith(dispatch) ? reason : `${shortId(dispatch)}: ${reason}`,
    )

function dataOf(text: string) {
  try {
    return JSON.parse(text)
  } catch {
    throw usage('--data is no JSON', clip(text, 80))
  }
}
