import { readFileSync } from 'node:fs'
import { CommanderError } from 'commander'
import { interrupt } from './cli.ts'
import { exitCodeOf, render } from './error.ts'
import { exit } from './exit.ts'
import { createProgram } from './program.ts'

/** The whole of a process: runs the command, says what went wrong, ends with its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', endOfPipe)
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  try {
    await createProgram(version()).parseAsync(argv)
  } catch (thrown) {
    process.exitCode = failure(thrown, argv.includes('--verbose'))
  }
  // What a command opened it also closed; whatever else holds the process up is not worth waiting for.
  process.exit()
}

/** Somebody closed the pipe: they have what they wanted (`waybill tail | head -3`). */
function endOfPipe(cause: NodeJS.ErrnoException): void {
  process.exit(cause.code === 'EPIPE' ? exit.done : exit.failed)
}

function failure(thrown: unknown, verbose: boolean): number {
  // Commander has said what was wrong; its own exit code for that is 1.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exit.done : exit.usage
  process.stderr.write(`${render(thrown, verbose)}\n`)
  return exitCodeOf(thrown)
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version // our own package.json
}
