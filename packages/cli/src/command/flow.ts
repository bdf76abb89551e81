import type { Command } from 'commander'
import { limitsOf, type WholeLimit } from '@waybill/api'
import type { Rule, RulePatch } from '@waybill/core'
import { act, type Cli } from '../cli.ts'
import { CliError, usage } from '../error.ts'
import { exit } from '../exit.ts'
import { collect, whole } from '../options.ts'
import { operator } from '../operator.ts'
import { bold, dim, fields, type Column } from '../output.ts'
import { duration, iso, parseDuration, relative, shortId } from '../text.ts'
import { appOf } from '../target.ts'

export function flow(program: Command): void {
  const noun = program.command('flow').description('limits: who holds, who waits, since when')
  noun
    .command('ls')
    .description('every limit, with how much of it is used and how many wait')
    .option('--app <name>')
    .option('--waiting', 'only ledgers in which somebody waits')
    .action(act<{ app?: string; waiting?: boolean }>(list))
  noun
    .command('get')
    .description('one limit, or one ledger of it: who holds, who waits')
    .argument('<limit>', '<binding>/<name>, @app/<name>, @global/<name>, or a ledger of one')
    .option('--app <name>')
    .action(act<{ app?: string }>((cli, options, limit = '') => get(cli, options, limit)))
  noun
    .command('set')
    .description('other numbers for a limit while it is in force; kept in the log')
    .argument('<limit>', '<binding>/<name>, @app/<name> or @global/<name>')
    .option('--max <n>', 'concurrency, rateLimit, throttle')
    .option('--period <duration>', 'rateLimit, throttle, debounce')
    .option('--size <n>', 'batch')
    .option('--set <name=value>', 'any number of the rule, in its own unit; repeatable', collect)
    .option('--deployed', 'take back what was set: the deployed numbers hold again')
    .option('--app <name>')
    .option('--reason <text>', 'kept in the log')
    .option('--dry-run', 'only say what would change')
    .action(act<SetOptions>((cli, options, limit = '') => set(cli, options, limit)))
}

type LedgerRow = WholeLimit['ledgers'][number]

async function list(
  cli: Cli,
  { app, waiting }: { app?: string; waiting?: boolean },
): Promise<void> {
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const limits = limitsOf(await connection.api.callEach('flow.list', app ? { app } : {}))
  const now = Date.now()
  cli.out.list({
    name: 'limits',
    rows: waiting ? limits.filter((one) => one.waiting > 0) : limits,
    columns: columns(now),
    empty: waiting ? 'nobody waits' : 'no limits: bindings get them with flow: { ... }',
  })
}

const columns = (now: number): readonly Column<WholeLimit>[] => [
  { title: 'LIMIT', of: ({ limit }) => limit },
  { title: 'RULE', of: ({ rule, override }) => `${told(rule)}${override ? ' (set)' : ''}` },
  { title: 'KEYS', of: ({ ledgers }) => String(ledgers.length), align: 'right' },
  { title: 'USED', of: ({ used }) => String(used), align: 'right' },
  { title: 'WAITING', of: ({ waiting }) => String(waiting), align: 'right' },
  { title: 'OLDEST', of: ({ oldest }) => (oldest === undefined ? '' : relative(oldest, now)) },
]

function told(rule: Rule): string {
  const { kind, ...numbers } = rule
  const parts = Object.entries(numbers).map(([name, value]) =>
    name.endsWith('Ms') ? `${name.slice(0, -2)} ${duration(Number(value))}` : `${name} ${value}`,
  )
  return `${kind} ${parts.join(', ')}`.trim()
}

async function get(cli: Cli, { app }: { app?: string }, limit: string): Promise<void> {
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const request = { limit, members: 20, ...(app !== undefined && { app }) }
  const found = limitsOf(await connection.api.callEach('flow.list', request))
  const [one] = found
  if (!one) {
    throw new CliError({
      code: 'WB4014',
      what: 'no such limit',
      where: limit,
      next: 'waybill flow ls',
      exitCode: exit.notFound,
    })
  }
  const now = Date.now()
  cli.out.show(one, () =>
    [
      `${bold(one.limit)}  ${told(one.rule)}`,
      fields([
        ['app', one.app],
        [
          'set',
          one.override && `by ${one.override.by}, ${iso(one.override.at)}: ${one.override.reason}`,
        ],
        ['used', String(one.used)],
        ['waiting', String(one.waiting)],
      ]),
      ...one.ledgers.map((ledger) => shown(ledger, now)),
    ].join('\n'),
  )
}

function shown(row: LedgerRow, now: number): string {
  const who = row.key === undefined ? row.ledger : `${row.key} ${dim(row.tenant ?? '')}`
  const waiters = row.waiters.map(
    ({ dispatch, since }) => `  waits ${shortId(dispatch)}  ${relative(since, now)}`,
  )
  return [
    `${who}  slot ${row.slot}  used ${row.used}  waiting ${row.waiting}`,
    ...row.holders.map((dispatch) => `  holds ${shortId(dispatch)}`),
    ...waiters,
  ].join('\n')
}

interface SetOptions {
  readonly max?: string
  readonly period?: string
  readonly size?: string
  readonly set?: string[]
  readonly deployed?: boolean
  readonly app?: string
  readonly reason?: string
  readonly dryRun?: boolean
}

async function set(cli: Cli, options: SetOptions, limit: string): Promise<void> {
  const rule = ruleOf(options)
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const app = await appOf(connection, options.app)
  const done = await connection.api.call('flow.set', {
    app,
    limit,
    rule,
    by: operator(),
    reason: options.reason ?? 'set by an operator',
    dryRun: options.dryRun ?? false,
  })
  const verb = done.dryRun ? 'would be' : 'is'
  cli.out.show(
    done,
    () => `${limit} ${verb} ${told(done.after)}, ${dim(`was ${told(done.before)}`)}`,
  )
}

function ruleOf({ max, period, size, set: given = [], deployed }: SetOptions): RulePatch {
  const rule = {
    ...number('max', whole(max, '--max', 1)),
    ...number('size', whole(size, '--size', 1)),
    ...number('periodMs', period === undefined ? undefined : periodMs(period)),
    ...Object.fromEntries(given.map(numberOf)),
  }
  const isEmpty = Object.keys(rule).length === 0
  if (deployed && !isEmpty) {
    throw usage('--deployed goes without numbers', undefined, 'it takes back all that was set')
  }
  if (deployed) return null
  if (isEmpty) throw usage('set wants a number, or --deployed', undefined, 'as in --max 5')
  return rule
}

const number = (name: string, value: number | undefined): Record<string, number> =>
  value === undefined ? {} : { [name]: value }

function numberOf(term: string): [string, number] {
  const [name = '', value = ''] = term.split('=', 2)
  const number = Number(value)
  if (/^[A-Za-z]+$/.test(name) && Number.isSafeInteger(number) && value !== '')
    return [name, number]
  throw usage('--set is not understood', term, 'write it as max=5')
}

function periodMs(text: string): number {
  const ms = parseDuration(text)
  if (ms !== undefined) return ms
  throw usage('--period is no length of time', text, 'write it as 500ms, 5s or 2m')
}
