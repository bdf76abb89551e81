import { Option, type Command } from 'commander'
import { act, type Cli } from '../cli.ts'
import type { NatsServer } from '@waybill/nats'
import type { DevOptions } from '../dev/options.ts'
import { CliError } from '../error.ts'
import { exit, type ExitCode } from '../exit.ts'
import { whole } from '../options.ts'
import { dataFolder } from '../project-file.ts'

export function dev(program: Command): void {
  program
    .command('dev')
    .description('everything in one process, with its own nats-server')
    .requiredOption('--app <module>', 'the module that exports the app')
    .option('--data <folder>', 'where events and journals are kept', dataFolder)
    .option('--port <n>', 'HTTP port', '8080')
    .option('--dashboard-port <n>', 'of the dashboard; default: 8081, or any free one')
    .option('--nats-port <n>', 'of the embedded server; default: any free one')
    .addOption(
      new Option('--sync <when>', 'when a message is on the disk')
        .choices(['always', 'default'])
        .default('always'),
    )
    .option('--no-tail', 'do not show what happens')
    .action(act<Options>(run))
}

interface Options {
  readonly app: string
  readonly data: string
  readonly port: string
  readonly dashboardPort?: string
  readonly natsPort?: string
  readonly sync: 'always' | 'default'
  readonly tail: boolean
}

async function run(cli: Cli, options: Options): Promise<ExitCode> {
  const began = performance.now()
  const { createLogger, logLevel } = await import('@waybill/service')
  const { runDev } = await import('../dev/run.ts')
  const { banner } = await import('../dev/banner.ts')
  const { serveUntilStopped } = await import('../lifetime.ts')
  const level = logLevel.catch('warn').parse(process.env['WAYBILL_LOG_LEVEL'])
  const log = createLogger({ level, format: process.stderr.isTTY ? 'pretty' : 'json' })
  return serveUntilStopped({ log }, async (scope) => {
    const running = await runDev(scope, settings(cli, options))
    cli.out.say(banner(running, Math.round(performance.now() - began)))
    if (options.tail) {
      const { tailLive } = await import('../live/tail.ts')
      scope.run('tail', (signal) => tailLive(cli.out, running, {}, signal))
    }
    return { lost: serverLost(running.server, scope.signal) }
  })
}

/** Without its server nobody can drain anything: what ran is found in the log at the next start. */
async function serverLost(server: NatsServer, stopping: AbortSignal): Promise<never> {
  const how = await server.exited
  // Ended by us, as the last thing of all.
  if (stopping.aborted) return new Promise(() => undefined)
  throw serverGone(server, how)
}

type ServerExit = Awaited<NatsServer['exited']>

const serverGone = ({ dir }: NatsServer, { code, signal }: ServerExit): CliError =>
  new CliError({
    code: 'WB4013',
    what: 'the embedded nats-server ended',
    where: dir,
    why: `it ended with ${signal ?? `code ${code}`}`,
    next: 'look at nats.log there, then start again: nothing that was acknowledged is lost',
    exitCode: exit.failed,
  })

function settings(cli: Cli, { app, data, port, natsPort, sync, ...more }: Options): DevOptions {
  return {
    app,
    data: process.env['WAYBILL_DATA'] ?? data,
    port: whole(port, '--port') ?? 0,
    dashboardPort: whole(more.dashboardPort, '--dashboard-port'),
    natsPort: whole(natsPort, '--nats-port', 1),
    sync,
    prefix: cli.prefix,
  }
}
