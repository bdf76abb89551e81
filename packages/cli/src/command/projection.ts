import type { ResponseOf } from '@waybill/api'
import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { usage } from '../error.ts'
import { exit, type ExitCode } from '../exit.ts'
import { dim, state, type Column } from '../output.ts'
import { count, relative } from '../text.ts'

export function projection(program: Command): void {
  const noun = program
    .command('projection')
    .description('the read store: how far it is, and whether it is right')
  noun
    .command('ls')
    .description('how far each projection has come')
    .action(act((cli) => list(cli)))
  noun
    .command('rebuild')
    .description(
      'folds the whole journal into a new store, and puts it in the place of the old one',
    )
    .option('--file <file>', "the projector's rows; default: those of `waybill dev`")
    .action(act<{ file?: string }>(rebuild))
  noun
    .command('verify')
    .description('folds the journal again and compares every row')
    .option('--file <file>', "the projector's rows; default: those of `waybill dev`")
    .action(act<{ file?: string }>(verify))
}

type Row = ResponseOf<'projection.status'>['projections'][number] & { readonly instance: string }

async function list(cli: Cli): Promise<void> {
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const answers = await connection.api.callEach('projection.status', {})
  const rows = answers.flatMap(({ instance, projections }) =>
    projections.map((row): Row => ({ ...row, instance })),
  )
  cli.out.list({
    name: 'projections',
    rows,
    columns: columns(Date.now()),
    more: { rebuilding: answers.some(({ rebuilding }) => rebuilding) },
    empty: 'nothing is projected yet',
  })
}

const columns = (now: number): readonly Column<Row>[] => [
  { title: 'PROJECTOR', of: ({ instance }) => instance },
  { title: 'PROJECTION', of: ({ projection: name }) => name },
  { title: 'STREAM', of: ({ stream }) => stream },
  {
    title: 'PARTITION',
    of: ({ partition }) => (partition ? `${partition.app}/${partition.slot}` : ''),
  },
  { title: 'APPLIED', of: ({ applied }) => String(applied), align: 'right' },
  { title: 'HEAD', of: ({ head }) => String(head), align: 'right' },
  { title: 'BEHIND', of: ({ applied, head }) => behind(head - applied), align: 'right' },
  { title: 'LAST', of: ({ at }) => (at === undefined ? '' : relative(at, now)) },
]

const behind = (messages: number): string =>
  messages <= 0 ? state('ok', '0') : state('warn', String(messages))

async function rebuild(cli: Cli, options: { file?: string }): Promise<void> {
  const { connectLog } = await import('../connection.ts')
  const { rebuildStore } = await import('@waybill/projections')
  await using connection = await connectLog(cli)
  const file = await storeFile(options, connection.project !== undefined)
  const rebuilt = await rebuildStore(await journalOf(cli, connection), file)
  const { bundles, lastSeq, truncated, halted } = rebuilt
  cli.out.show(
    { file, ...rebuilt },
    () =>
      `${state('ok', file)}  ${count(bundles, 'bundle')}, up to ${lastSeq}, ${count(halted.length, 'partition')} halted`,
  )
  if (truncated) cli.out.say(dim('the beginning of the journal is not kept: older rows are gone'))
}

async function verify(cli: Cli, options: { file?: string }): Promise<ExitCode> {
  const { connectLog } = await import('../connection.ts')
  const { verifyStore } = await import('@waybill/projections')
  await using connection = await connectLog(cli)
  const file = await storeFile(options, connection.project !== undefined)
  const verified = await verifyStore(await journalOf(cli, connection), file)
  cli.out.show({ file, ...verified }, () => {
    if (verified.result === 'equal')
      return `${state('ok', 'equal')}: ${count(verified.rows, 'row')}, ${verified.hash}`
    const { table, key, column, stored, rebuilt } = verified.difference
    const where = `${table} ${key.join('/')}${column === undefined ? '' : `, column ${column}`}`
    return `${state('fail', 'different')} at ${where}\n  - stored   ${JSON.stringify(stored) ?? 'nothing'}\n  + rebuilt  ${JSON.stringify(rebuilt) ?? 'nothing'}`
  })
  return verified.result === 'equal' ? exit.done : exit.failed
}

async function journalOf(
  { signal }: Cli,
  { log, topology }: Awaited<ReturnType<(typeof import('../connection.ts'))['connectLog']>>,
) {
  const { streamNames } = await import('@waybill/log')
  return { log, stream: streamNames(topology).journal, signal }
}

/** Rows lie beside the projector that keeps them, so only its machine can be asked about them. */
async function storeFile({ file }: { file?: string }, isDev: boolean): Promise<string> {
  if (file !== undefined) return file
  const { findProjectFile } = await import('../project-file.ts')
  const found = isDev ? findProjectFile(process.env['INIT_CWD'] ?? process.cwd()) : undefined
  if (!found)
    throw usage('which rows?', 'no `waybill dev` runs here', 'name their file with --file')
  const { dirname, join } = await import('node:path')
  return join(dirname(found.path), 'projector', 'dev.db')
}
