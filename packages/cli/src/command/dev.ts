import { Option, type Command } from 'commander'
import { act, ownSignals, type Cli } from '../cli.ts'
import type { DevOptions } from '../dev/options.ts'
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
  readonly natsPort?: string
  readonly sync: 'always' | 'default'
  readonly tail: boolean
}

async function run(cli: Cli, options: Options): Promise<ExitCode> {
  const began = performance.now()
  ownSignals()
  const { createLogger, logLevel, openScope } = await import('@waybill/service')
  const { runDev } = await import('../dev/run.ts')
  const { banner } = await import('../dev/banner.ts')
  const level = logLevel.catch('warn').parse(process.env['WAYBILL_LOG_LEVEL'])
  const log = createLogger({ level, format: process.stderr.isTTY ? 'pretty' : 'json' })
  const scope = openScope({ log })
  const ended = new Promise((resolve) => scope.signal.addEventListener('abort', resolve))
  endOnSignal(() => void scope.stop().catch(() => undefined))
  process.on('uncaughtException', (cause) => scope.fail(cause))
  process.on('unhandledRejection', (cause) => scope.fail(cause))
  try {
    const running = await runDev(scope, settings(cli, options))
    cli.out.say(banner(running, Math.round(performance.now() - began)))
    if (options.tail) {
      const { tailLive } = await import('../live/tail.ts')
      scope.run('tail', (signal) => tailLive(cli.out, running, {}, signal))
    }
  } catch (cause) {
    // What had been started is ended; what made the start fail is what is told.
    await scope.stop().catch(() => undefined)
    throw cause
  }
  await ended
  await scope.stop()
  return exit.done
}

function settings(cli: Cli, { app, data, port, natsPort, sync }: Options): DevOptions {
  return {
    app,
    data: process.env['WAYBILL_DATA'] ?? data,
    port: whole(port, '--port') ?? 0,
    natsPort: whole(natsPort, '--nats-port', 1),
    sync,
    prefix: cli.prefix,
  }
}

/** The first one drains, the second one ends the process where it stands. */
function endOnSignal(stop: () => void): void {
  let asked = false
  const onSignal = (): void => {
    if (asked) process.exit(exit.interrupted)
    asked = true
    process.stderr.write('\nstopping: running handlers may finish; Ctrl-C again ends it at once\n')
    stop()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
}
