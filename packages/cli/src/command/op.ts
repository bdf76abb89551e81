import { type Operation, operationsOf } from '@waybill/api'
import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { CliError } from '../error.ts'
import { exit } from '../exit.ts'
import { whole } from '../options.ts'
import { operator } from '../operator.ts'
import { bold, fields, state, type Column } from '../output.ts'
import { clip, iso, relative } from '../text.ts'

export function op(program: Command): void {
  const noun = program.command('op').description('what operators did, and what still goes on')
  noun
    .command('ls')
    .description('operations, newest first')
    .option('--app <name>')
    .option('--limit <n>', 'at most 500', '50')
    .action(act<{ app?: string; limit: string }>(list))
  noun
    .command('get')
    .description('one operation: what it acts on, and how far it has come')
    .argument('<id>')
    .action(act((cli, _options, id = '') => get(cli, id)))
  noun
    .command('cancel')
    .description('stops work in bulk; what it has done stays done')
    .argument('<id>')
    .option('--reason <text>', 'kept in the log')
    .action(act<{ reason?: string }>((cli, options, id = '') => cancel(cli, options, id)))
}

async function list(cli: Cli, options: { app?: string; limit: string }): Promise<void> {
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const limit = whole(options.limit, '--limit', 1) ?? 50
  const { app } = options
  const answers = await connection.api.callEach('op.list', {
    limit,
    ...(app !== undefined && { app }),
  })
  cli.out.list({
    name: 'operations',
    rows: operationsOf(answers).slice(0, limit),
    columns: columns(Date.now()),
    empty: 'nobody has done anything yet',
  })
}

const columns = (now: number): readonly Column<Operation>[] => [
  { title: 'OPERATION', of: ({ id }) => id },
  { title: 'KIND', of: ({ kind }) => kind },
  { title: 'STATE', of: (one) => looked(one) },
  { title: 'DONE', of: ({ done, total }) => `${done}/${total}`, align: 'right' },
  { title: 'BY', of: ({ by }) => by },
  { title: 'WHEN', of: ({ at }) => relative(at, now) },
  { title: 'REASON', of: ({ reason }) => clip(reason, 50) },
]

const looks = {
  running: 'attempting',
  done: 'succeeded',
  cancelled: 'cancelled',
  failed: 'failed',
  interrupted: 'warn',
} as const
const looked = ({ state: name }: Operation): string => state(looks[name], name)

async function get(cli: Cli, id: string): Promise<void> {
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const [one] = operationsOf(await connection.api.callEach('op.list', { id, limit: 500 }))
  if (!one) throw unknown(id)
  cli.out.show(one, () =>
    [
      `${bold(one.kind)}  ${looked(one)}`,
      fields([
        ['by', one.by],
        ['reason', one.reason],
        ['began', iso(one.at)],
        ['ended', one.endedAt === undefined ? undefined : iso(one.endedAt)],
        ['done', `${one.done} of ${one.total}`],
        ['declined', String(one.declined)],
        ['on', clip(JSON.stringify(one.filter), 400)],
        ['note', one.note],
      ]),
    ].join('\n'),
  )
}

async function cancel(cli: Cli, { reason }: { reason?: string }, id: string): Promise<void> {
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const command = { id, by: operator(), reason: reason ?? 'stopped by an operator' }
  const answers = await connection.api.callEach('op.cancel', command)
  if (!answers.some(({ cancelled }) => cancelled)) {
    const [one] = operationsOf(await connection.api.callEach('op.list', { id, limit: 500 }))
    throw one ? over(one) : unknown(id)
  }
  cli.out.show({ id, cancelled: true }, () => `${state('cancelled')} ${id}`)
}

const unknown = (id: string): CliError =>
  new CliError({
    code: 'WB4015',
    what: 'no such operation',
    where: id,
    next: 'waybill op ls',
    exitCode: exit.notFound,
  })

const over = ({ id, state: name, done, total }: Operation): CliError =>
  new CliError({
    code: 'WB4016',
    what: 'this operation is over',
    where: id,
    why: `${name}, ${done} of ${total} done: what is done stays done`,
    next: `waybill op get ${id}`,
    exitCode: exit.refused,
  })
