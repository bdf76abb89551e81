import type { ResponseOf } from '@waybill/api'
import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import type { Connection } from '../connection.ts'
import { exit, type ExitCode } from '../exit.ts'
import type { LiveStep } from '../live/line.ts'

export function watch(noun: Command): void {
  noun
    .command('watch')
    .description('what it did so far, then what it does, until it ends')
    .argument('<id>', 'dispatch, or the beginning of its id')
    .addHelpText('after', '\nExit code 0: it ended well; 1: it failed, was cancelled or died.')
    .action(act((cli, _options, id = '') => run(cli, id)))
}

async function run(cli: Cli, prefix: string): Promise<ExitCode> {
  const { connect } = await import('../connection.ts')
  const { listen } = await import('../live/source.ts')
  const { lineOf } = await import('../live/line.ts')
  await using connection = await connect(cli)
  const { dispatch } = await connection.api.call('dispatch.get', { id: prefix })
  const { id, app } = dispatch.row
  let next = 0
  const show = async (): Promise<ExitCode | undefined> => {
    const { steps, state } = await stepsFrom(connection, id, next)
    for (const step of steps) cli.out.line(step, () => lineOf(step))
    next += steps.length
    return endOf[state]
  }
  // Listening begins before the past is read, so nothing falls in between.
  using heard = await listen({ nc: connection.nc, prefix: cli.prefix }, app, cli.signal)
  const ended = await show()
  if (ended !== undefined) return ended
  for await (const { transitions, more } of heard) {
    if (more === 0 && !transitions.some((one) => one.dispatch === id)) continue
    const code = await show()
    if (code !== undefined) return code
  }
  return exit.interrupted
}

const endOf: Readonly<Record<string, ExitCode | undefined>> = {
  succeeded: exit.done,
  skipped: exit.done,
  superseded: exit.done,
  failed: exit.failed,
  cancelled: exit.failed,
  dlq: exit.failed,
}

async function stepsFrom(
  { api }: Connection,
  id: string,
  from: number,
): Promise<{ steps: readonly LiveStep[]; state: string }> {
  const { dispatch, steps } = await api.call('dispatch.history', { id, from, limit: 1000 })
  return { steps: steps.map((step) => liveStep(dispatch, step)), state: dispatch.state }
}

type History = ResponseOf<'dispatch.history'>

function liveStep(
  { id, app, binding, type }: History['dispatch'],
  { seq, at, transition }: History['steps'][number],
): LiveStep {
  const { index, from, to, event, record } = transition
  const { attempt, error, outcome } = record
  const reason = outcome && 'reason' in outcome ? outcome.reason : undefined
  const failure = error && to !== 'succeeded' ? `${error.name}: ${error.message}` : undefined
  const why = [reason, failure].filter(Boolean).join(': ')
  const slot = Number(id.split('-')[1])
  return {
    dispatch: id,
    index,
    from,
    to,
    at,
    event: event.type,
    type,
    binding,
    attempt,
    app,
    slot,
    seq,
    why,
  }
}
