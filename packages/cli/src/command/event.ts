import type { ResponseOf } from '@waybill/api'
import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import { bold, dim, fields, state, style, type Column } from '../output.ts'
import { iso, relative, shortId } from '../text.ts'

export function event(program: Command): void {
  const noun = program
    .command('event')
    .description('what was accepted, and what every binding made of it')
  noun
    .command('get')
    .description('the stored event and its dispatches')
    .argument('<id>', 'event, or the beginning of its id')
    .action(act((cli, _options, id = '') => get(cli, id)))
  noun
    .command('explain')
    .description('every binding with its verdict: why it did or did not run')
    .argument('<id>')
    .option('--app <name>')
    .action(act<{ app?: string }>((cli, options, id = '') => explain(cli, options, id)))
}

async function get(cli: Cli, id: string): Promise<void> {
  const { connect } = await import('../connection.ts')
  const { dispatchColumns } = await import('../view/dispatch.ts')
  const { table } = await import('../output.ts')
  await using connection = await connect(cli)
  const answer = await connection.api.call('event.get', { id })
  const { event: found, dispatches } = answer
  const now = Date.now()
  cli.out.show(answer, () =>
    [
      `${bold(found.id)}  ${found.type}`,
      fields([
        ['source', found.source],
        ['subject', found.subject],
        ['accepted', `${iso(found.receivedAt)}  ${relative(found.receivedAt, now)}`],
        ['signature', [found.signature.state, found.signature.reason].filter(Boolean).join(': ')],
        ['tenant', found.tenant],
        ['key', found.dedupeKey],
        [
          'chain',
          found.chain.depth === 0
            ? undefined
            : `depth ${found.chain.depth}, root ${found.chain.root}`,
        ],
      ]),
      JSON.stringify(found.data, undefined, 2),
      dispatches.length === 0 ? dim('no dispatches') : table(dispatches, dispatchColumns(now)),
    ].join('\n'),
  )
  if (cli.out.format === 'table') cli.out.say(dim(`why: waybill event explain ${id}`))
}

type Verdict = ResponseOf<'event.explain'>['verdicts'][number]

const columns: readonly Column<Verdict>[] = [
  { title: 'APP', of: ({ app }) => app },
  { title: 'BINDING', of: ({ binding }) => binding },
  { title: 'VERDICT', of: ({ verdict }) => verdictText(verdict) },
  { title: 'DISPATCH', of: ({ dispatch }) => (dispatch === undefined ? '' : shortId(dispatch)) },
  { title: 'WHY', of: ({ reason }) => dim(reason ?? '') },
]

function verdictText(verdict: Verdict['verdict']): string {
  if (verdict === 'matched') return state('ok', verdict)
  if (verdict === 'refused' || verdict === 'predicate_error') return state('fail', verdict)
  return style('dim', `· ${verdict}`)
}

async function explain(cli: Cli, { app }: { app?: string }, id: string): Promise<void> {
  const { connect } = await import('../connection.ts')
  await using connection = await connect(cli)
  const answer = await connection.api.call('event.explain', {
    id,
    ...(app === undefined ? {} : { app }),
  })
  cli.out.list({
    name: 'verdicts',
    rows: answer.verdicts,
    columns,
    more: { event: answer.event, asOf: answer.asOf },
    empty: 'no app is deployed, so nothing looked at it. Deploy one: waybill deploy --app <file>',
  })
}
