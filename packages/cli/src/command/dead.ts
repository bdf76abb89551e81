import type { DeadLetter } from '@waybill/api'
import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { ago, collect, oneOf, whole } from '../options.ts'
import { bold, dim, fields, state, type Column } from '../output.ts'
import { clip, iso, relative, shortId } from '../text.ts'
import { again } from './dead-again.ts'

export function dead(program: Command): void {
  const noun = program.command('dead').description('dead letters: dispatches that gave up')
  noun
    .command('ls')
    .description('dead letters, newest first')
    .option('--reason <reason>', 'retry_exhausted, permanent, expired ...; repeatable', collect)
    .option('--binding <id>', 'a binding, or one version of it (id@v2)')
    .option('--app <name>')
    .option('--status <status>', 'pending, redriven, resolved, discarded, expired')
    .option('--group <fingerprint>', 'what died of the same thing')
    .option('--text <text>', 'somewhere in id or error')
    .option('--since <time>', '30m, 24h, or a date')
    .option('--until <time>')
    .option('--limit <n>', 'at most 500', '50')
    .option('--cursor <cursor>', 'go on where the list before ended')
    .action(act<Options>(list))
  noun
    .command('get')
    .description('one dead letter with its event')
    .argument('<id>', 'dispatch, or the beginning of its id')
    .action(act((cli, _options, id = '') => get(cli, id)))
  again(noun)
}

interface Options {
  readonly reason?: string[]
  readonly binding?: string
  readonly app?: string
  readonly status?: string
  readonly group?: string
  readonly text?: string
  readonly since?: string
  readonly until?: string
  readonly limit: string
  readonly cursor?: string
}

const statuses = ['pending', 'redriven', 'resolved', 'discarded', 'expired'] as const

async function list(cli: Cli, options: Options): Promise<void> {
  const { connect } = await import('../connection.ts')
  const { deadReason } = await import('@waybill/core')
  const now = Date.now()
  const { binding, app, text, cursor } = options
  const [status] =
    oneOf(options.status === undefined ? undefined : [options.status], statuses, '--status') ?? []
  const request = {
    binding,
    app,
    text,
    cursor,
    status,
    fingerprint: options.group,
    reason: oneOf(options.reason, deadReason.options, '--reason'),
    since: ago(options.since, '--since', now),
    until: ago(options.until, '--until', now),
    limit: whole(options.limit, '--limit', 1),
  }
  await using connection = await connect(cli)
  const { entries, next, asOf } = await connection.api.call('dlq.list', request)
  cli.out.list({
    name: 'entries',
    rows: entries,
    columns: columns(now),
    more: { next, asOf },
    empty: 'no dead letters: every dispatch ended, or is still at it',
  })
}

const columns = (now: number): readonly Column<DeadLetter>[] => [
  { title: 'DISPATCH', of: ({ id }) => shortId(id) },
  { title: 'BINDING', of: ({ binding }) => binding },
  { title: 'REASON', of: ({ reason }) => state('dlq', reason) },
  { title: 'TRIES', of: ({ attempts }) => String(attempts), align: 'right' },
  { title: 'EVENT', of: ({ type }) => type },
  { title: 'DIED', of: ({ deadAt }) => relative(deadAt, now) },
  { title: 'STATUS', of: ({ status }) => status },
  {
    title: 'ERROR',
    of: ({ error }) => dim(clip(error ? `${error.name}: ${error.message}` : '', 60)),
  },
]

async function get(cli: Cli, id: string): Promise<void> {
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const answer = await connection.api.call('dlq.get', { id })
  const { entry, event } = answer
  const now = Date.now()
  cli.out.show(answer, () =>
    [
      `${bold(entry.id)}  ${state('dlq', entry.reason)}`,
      fields([
        ['binding', entry.binding],
        ['event', `${entry.event}  ${entry.type}`],
        ['died', `${iso(entry.deadAt)}  ${relative(entry.deadAt, now)}`],
        ['expires', relative(entry.expiresAt, now)],
        ['attempts', String(entry.attempts)],
        ['status', entry.status],
        [
          'error',
          entry.error && `${entry.error.class}: ${entry.error.name}: ${entry.error.message}`,
        ],
        ['data', event && clip(JSON.stringify(event.data), 400)],
      ]),
    ].join('\n'),
  )
  if (cli.out.format === 'table')
    cli.out.say(dim(`how it came to that: waybill dispatch history ${id}`))
}
