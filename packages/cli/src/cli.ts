import { Option, type Command } from 'commander'
import { usage } from './error.ts'
import { exit, type ExitCode } from './exit.ts'
import { createOutput, formats, type Format, type Output } from './output.ts'
import { parseDuration } from './text.ts'

/** What every command is given. */
export interface Cli {
  readonly out: Output
  readonly verbose: boolean
  /** For one request; also how long `--wait` waits. */
  readonly timeoutMs: number
  /** Where the user said that the server is. */
  readonly server: string | undefined
  /** First token of every subject. */
  readonly prefix: string
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
}

/** Options that every command takes, before or after its name. */
export function withGlobals(program: Command): Command {
  return program
    .addOption(
      new Option('-o, --output <format>', 'how data is written').choices(formats).default('table'),
    )
    .option('--json', 'short for -o json')
    .option('--server <url>', 'NATS server; default: NATS_URL, then the running `waybill dev`')
    .option('--prefix <token>', 'first token of every subject', 'wb')
    .option('--timeout <duration>', 'for a request, as in 5s', '5s')
    .addOption(
      new Option('--color <when>', 'colour').choices(['auto', 'always', 'never']).default('auto'),
    )
    .option('--verbose', 'with errors: the stack too')
}

interface Globals {
  readonly output: Format
  readonly json?: boolean
  readonly server?: string
  readonly prefix: string
  readonly timeout: string
  readonly color: 'auto' | 'always' | 'never'
  readonly verbose?: boolean
}

/** What a command does; the number it returns is the exit code. */
type Work<Options> = (cli: Cli, options: Options, ...args: string[]) => Promise<ExitCode | void>

const interrupted = new AbortController()

/**
 * Turns work into what commander calls. Modules that cost time are imported inside of it, so that
 * `--help` never pays for them.
 */
export function act<Options = object>(work: Work<Options>): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    // Commander's order: arguments, options, command.
    const command = given.at(-1) as Command
    const globals = command.optsWithGlobals<Globals & Options>()
    const args = given.slice(0, -2) as string[]
    const code = await work(cliOf(globals), globals, ...args)
    process.exitCode = code ?? (interrupted.signal.aborted ? exit.interrupted : exit.done)
  }
}

function cliOf(globals: Globals): Cli {
  if (globals.color === 'always') process.env['FORCE_COLOR'] = '1'
  if (globals.color === 'never') setPlain()
  const timeoutMs = parseDuration(globals.timeout)
  if (timeoutMs === undefined) {
    throw usage('--timeout is no length of time', globals.timeout, 'write it as 500ms, 5s or 2m')
  }
  return {
    out: createOutput(globals.json ? 'json' : globals.output),
    verbose: globals.verbose ?? false,
    timeoutMs,
    server: globals.server,
    prefix: globals.prefix,
    signal: interrupted.signal,
  }
}

function setPlain(): void {
  delete process.env['FORCE_COLOR']
  process.env['NO_COLOR'] = '1'
}

/** The first Ctrl-C lets the command end what it does, the second one ends the process. */
export function interrupt(): void {
  if (interrupted.signal.aborted) process.exit(exit.interrupted)
  interrupted.abort()
}

/** Commands that a signal has another meaning for (services drain) take it over. */
export function ownSignals(): void {
  process.removeListener('SIGINT', interrupt)
  process.removeListener('SIGTERM', interrupt)
}
