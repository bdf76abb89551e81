import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { exit, type ExitCode } from '../exit.ts'
import { ago, collect, oneOf, whole } from '../options.ts'
import { dim } from '../output.ts'
import { cancel } from './dispatch-cancel.ts'
import { rerun } from './dispatch-rerun.ts'
import { watch } from './dispatch-watch.ts'

export function dispatch(program: Command): void {
  const noun = program
    .command('dispatch')
    .description('what became of events: one dispatch per event and binding')
  noun
    .command('ls')
    .description('dispatches, newest first')
    .option('--state <state>', 'received, attempting, retryWait, dlq ...; repeatable', collect)
    .option('--binding <id>', 'a binding, or one version of it (id@v2)')
    .option('--type <pattern>', 'event type, or a pattern of it')
    .option('--event <id>', 'those of one event')
    .option('--app <name>')
    .option('--text <text>', 'somewhere in id, subject, key or error')
    .option('--since <time>', '30m, 24h, or a date')
    .option('--until <time>')
    .option('--limit <n>', 'at most 500', '50')
    .option('--cursor <cursor>', 'go on where the list before ended')
    .action(act<ListOptions>(list))
  noun
    .command('get')
    .description('one dispatch: its record, and the event behind it')
    .argument('<id>', 'dispatch, or the beginning of its id')
    .action(act((cli, _options, id = '') => get(cli, id)))
  noun
    .command('history')
    .description('every transition, from the journal, with its hash chain checked')
    .argument('<id>')
    .option('--from <n>', 'first transition', '0')
    .option('--limit <n>', 'at most 1000', '200')
    .action(
      act<{ from: string; limit: string }>((cli, options, id = '') => history(cli, options, id)),
    )
  noun
    .command('graph')
    .description('the action graph, as a tree')
    .argument('<id>')
    .option('--chain', 'with everything that its events caused')
    .option('--as <form>', 'tree, mermaid or dot', 'tree')
    .action(
      act<{ chain?: boolean; as: string }>((cli, options, id = '') => graph(cli, options, id)),
    )
  watch(noun)
  cancel(noun)
  rerun(noun)
}

interface ListOptions {
  readonly state?: string[]
  readonly binding?: string
  readonly type?: string
  readonly event?: string
  readonly app?: string
  readonly text?: string
  readonly since?: string
  readonly until?: string
  readonly limit: string
  readonly cursor?: string
}

async function list(cli: Cli, options: ListOptions): Promise<void> {
  const { connect } = await import('../connection.ts')
  const { dispatchColumns } = await import('../view/dispatch.ts')
  const { dispatchState } = await import('@waybill/core')
  const now = Date.now()
  const { binding, type, event, app, text, cursor } = options
  const request = {
    binding,
    type,
    event,
    app,
    text,
    cursor,
    state: oneOf(options.state, dispatchState.options, '--state'),
    since: ago(options.since, '--since', now),
    until: ago(options.until, '--until', now),
    limit: whole(options.limit, '--limit', 1),
  }
  await using connection = await connect(cli)
  const { dispatches, next, asOf } = await connection.api.call('dispatch.list', request)
  cli.out.list({
    name: 'dispatches',
    rows: dispatches,
    columns: dispatchColumns(now),
    more: { next, asOf },
    empty: 'no dispatch fits. Start one: waybill send <type> <json>',
  })
  if (next !== undefined && cli.out.format === 'table') {
    cli.out.say(dim(`more: waybill dispatch ls --cursor ${next}`))
  }
}

async function get(cli: Cli, id: string): Promise<void> {
  const { connect } = await import('../connection.ts')
  const { dispatchText } = await import('../view/dispatch.ts')
  await using connection = await connect(cli)
  const answer = await connection.api.call('dispatch.get', { id })
  cli.out.show(answer, () => dispatchText(answer, Date.now()))
  if (cli.out.format === 'table')
    cli.out.say(dim(`its transitions: waybill dispatch history ${id}`))
}

async function history(
  cli: Cli,
  options: { from: string; limit: string },
  id: string,
): Promise<ExitCode> {
  const { connect } = await import('../connection.ts')
  const { historyColumns, verifiedText, withGaps } = await import('../view/dispatch.ts')
  await using connection = await connect(cli)
  const answer = await connection.api.call('dispatch.history', {
    id,
    from: whole(options.from, '--from'),
    limit: whole(options.limit, '--limit', 1),
  })
  const { steps, verified, more, asOf } = answer
  cli.out.list({
    name: 'steps',
    rows: withGaps(steps),
    columns: historyColumns,
    more: { dispatch: answer.dispatch, verified, more, asOf },
    empty: 'no transition from there on',
  })
  if (cli.out.format === 'table') cli.out.say(verifiedText(verified))
  return verified.result === 'broken' ? exit.failed : exit.done
}

async function graph(
  cli: Cli,
  options: { chain?: boolean; as: string },
  id: string,
): Promise<void> {
  const { connect } = await import('../connection.ts')
  const { toDot, toMermaid } = await import('@waybill/projections')
  const { graphText } = await import('../view/dispatch.ts')
  const forms = { tree: graphText, mermaid: toMermaid, dot: toDot }
  const known = ['tree', 'mermaid', 'dot'] as const
  const [form = 'tree'] = oneOf([options.as], known, '--as') ?? []
  await using connection = await connect(cli)
  const scope = options.chain ? 'chain' : 'dispatch'
  const answer = await connection.api.call('dispatch.graph', { id, scope })
  cli.out.show(answer, () => forms[form](answer).trimEnd())
}
