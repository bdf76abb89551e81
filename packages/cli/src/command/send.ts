import type { DispatchRow } from '@waybill/api'
import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { CliError, usage } from '../error.ts'
import { exit, type ExitCode } from '../exit.ts'
import { dim, state, table } from '../output.ts'

export function send(program: Command): void {
  program
    .command('send')
    .description('sends an event; answers once the log has it')
    .argument('<type>', 'as in github.issues.opened')
    .argument('[data]', 'JSON, @file, or - for standard input', '{}')
    .option('--source <source>', 'who sends it', 'waybill-cli')
    .option('--subject <subject>')
    .option('--key <key>', 'dedupe key: the same source and key is the same event')
    .option('--partition-key <key>', 'events of one key keep their order')
    .option('--tenant <name>')
    .option('--wait', 'until every dispatch of it has ended (for --timeout, at least 30s)')
    .action(act<Options>((cli, options, type = '', data = '{}') => run(cli, options, type, data)))
}

interface Options {
  readonly source: string
  readonly subject?: string
  readonly key?: string
  readonly partitionKey?: string
  readonly tenant?: string
  readonly wait?: boolean
}

async function run(cli: Cli, options: Options, type: string, text: string): Promise<ExitCode> {
  const { connect } = await import('../connection.ts')
  const { source, subject, key: dedupeKey, partitionKey, tenant } = options
  const event = { type, source, data: await dataOf(text), subject, dedupeKey, partitionKey, tenant }
  await using connection = await connect(cli)
  const sent = await connection.api.call('event.send', { event })
  if (!options.wait) {
    cli.out.show(sent, () => (sent.duplicate ? `${sent.id}  ${dim('a duplicate')}` : sent.id))
    if (cli.out.format === 'table')
      cli.out.say(dim(`what came of it: waybill event explain ${sent.id}`))
    return exit.done
  }
  const rows = await untilEnded(cli, connection.api, sent.id)
  const { dispatchColumns } = await import('../view/dispatch.ts')
  cli.out.show({ ...sent, dispatches: rows }, () =>
    [
      `${sent.id}  ${sent.duplicate ? dim('a duplicate') : state('ok', 'stored')}`,
      rows.length === 0 ? dim('no binding matched') : table(rows, dispatchColumns(Date.now())),
    ].join('\n'),
  )
  const good = new Set(['succeeded', 'skipped', 'superseded'])
  return rows.every((row) => good.has(row.state)) ? exit.done : exit.failed
}

async function dataOf(text: string): Promise<never> {
  const json = await contentOf(text)
  try {
    return JSON.parse(json) as never // checked by the contract before it is sent
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it cannot be read'
    throw usage('the data are not JSON', why, `write them as '{"id": 1}', @file.json or -`)
  }
}

async function contentOf(text: string): Promise<string> {
  if (text === '-') {
    const { text: read } = await import('node:stream/consumers')
    return read(process.stdin)
  }
  if (!text.startsWith('@')) return text
  const { readFile } = await import('node:fs/promises')
  try {
    return await readFile(text.slice(1), 'utf8')
  } catch (cause) {
    throw new CliError(
      {
        code: 'WB4006',
        what: 'the file cannot be read',
        where: text.slice(1),
        exitCode: exit.usage,
      },
      { cause },
    )
  }
}

type Api = Awaited<ReturnType<(typeof import('../connection.ts'))['connect']>>['api']

const waitMsMin = 30_000
const lookEveryMs = 100

/** Asks until every app has judged the event and all that it started has ended. */
async function untilEnded(cli: Cli, api: Api, id: string): Promise<readonly DispatchRow[]> {
  const { setTimeout: pause } = await import('node:timers/promises')
  const { isFinal } = await import('@waybill/core')
  const until = Date.now() + Math.max(cli.timeoutMs, waitMsMin)
  for (;;) {
    cli.signal.throwIfAborted()
    const found = await look(api, id)
    if (found && found.every((row) => isFinal(row.state))) return found
    if (Date.now() >= until) throw timedOut(id, found)
    await pause(lookEveryMs, undefined, { signal: cli.signal })
  }
}

/** Undefined: the read store or a partition has not come to the event yet. */
async function look(api: Api, id: string): Promise<readonly DispatchRow[] | undefined> {
  try {
    const { verdicts } = await api.call('event.explain', { id })
    if (verdicts.some(({ verdict }) => verdict === 'not_read' || verdict === 'asked'))
      return undefined
    return (await api.call('event.get', { id })).dispatches
  } catch (cause) {
    if (cause instanceof Error && 'kind' in cause && cause.kind === 'not_found') return undefined
    throw cause
  }
}

const timedOut = (id: string, rows: readonly DispatchRow[] | undefined): CliError =>
  new CliError({
    code: 'WB4007',
    what: 'it did not end in time',
    where: id,
    why: rows
      ? rows.map((row) => `${row.binding} is in ${row.state}`).join(', ')
      : 'the event was stored, but not read by everyone yet',
    next: `look later: waybill dispatch ls --event ${id}`,
    exitCode: exit.timedOut,
  })
