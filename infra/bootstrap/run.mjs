/** `node infra/bootstrap/run.mjs <command> [args]`: what every npm script goes through. */
import { commands } from './commands.mjs'
import { Problem, report } from './problem.mjs'
import { prepare } from './toolchain.mjs'

const [name = '', ...args] = process.argv.slice(2)

try {
  const command = commands[name]
  if (!command) throw unknown(name)
  const { chromium } = command
  const wanted = {
    ...command,
    chromium: typeof chromium === 'function' ? chromium(args) : chromium,
  }
  process.exitCode = await command.run(await prepare(wanted), args)
} catch (error) {
  process.exitCode = report(error)
}

function unknown(name) {
  const names = Object.keys(commands).join(', ')
  return new Problem({
    code: 'bootstrap.unknown-command',
    what: `there is no command '${name}'`,
    next: `one of: ${names}`,
    exitCode: 2,
  })
}
