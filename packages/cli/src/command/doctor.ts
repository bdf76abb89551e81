import type { Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import type { Check } from '../doctor/check.ts'
import { exit, type ExitCode } from '../exit.ts'
import { bold, dim, state } from '../output.ts'
import { count } from '../text.ts'

export function doctor(program: Command): void {
  program
    .command('doctor')
    .description('looks at everything that has to be right, and says what to do about the rest')
    .action(act((cli) => run(cli)))
}

async function run(cli: Cli): Promise<ExitCode> {
  const { connect } = await import('../connection.ts')
  const { checkNode, checkServer, checkStreams, checkTopology, checkWrite, openLog } =
    await import('../doctor/checks.ts')
  const { checkPartitions, checkProjections, checkServices } = await import('../doctor/services.ts')
  const { deployedApps } = await import('@waybill/history')
  const checks: Check[] = []
  const add = (...more: readonly Check[]): void => {
    for (const check of more) {
      checks.push(check)
      if (cli.out.format !== 'json') cli.out.line(check, () => lineOf(check))
    }
  }

  add(checkNode(process.versions.node))
  await using connection = await connect(cli)
  add(...checkServer(connection))
  const { check, topology } = await checkTopology(connection, cli.prefix)
  add(check)
  if (topology && check.result === 'ok') {
    await using log = await openLog(connection, topology)
    add(...(await checkStreams(log, topology)), ...(await checkWrite(log, topology, cli.timeoutMs)))
    add(...(await checkServices(connection.api)))
    add(...(await checkPartitions(connection.api, topology, await deployedApps({ log, topology }))))
    add(...(await checkProjections(connection.api)))
  }
  return conclude(cli, checks)
}

const lineOf = ({ name, result, what, next }: Check): string => {
  const line = `${state(result, name.padEnd(14))} ${what}`
  return next === undefined ? line : `${line}\n  ${dim('next:')} ${bold(next)}`
}

function conclude(cli: Cli, checks: readonly Check[]): ExitCode {
  const failed = checks.filter(({ result }) => result === 'fail').length
  const warned = checks.filter(({ result }) => result === 'warn').length
  if (cli.out.format === 'json') cli.out.show({ checks, failed, warned }, () => '')
  else
    cli.out.say(
      dim(`${count(checks.length, 'check')}, ${failed} failed, ${count(warned, 'warning')}`),
    )
  return failed > 0 ? exit.failed : exit.done
}
