import { Command } from 'commander'
import { withGlobals } from './cli.ts'
import { binding } from './command/binding.ts'
import { circuit } from './command/circuit.ts'
import { completion } from './command/completion.ts'
import { dashboard } from './command/dashboard.ts'
import { dead } from './command/dead.ts'
import { deploy } from './command/deploy.ts'
import { dev } from './command/dev.ts'
import { dispatch } from './command/dispatch.ts'
import { dispatcher } from './command/dispatcher.ts'
import { doctor } from './command/doctor.ts'
import { event } from './command/event.ts'
import { exportCommand } from './command/export.ts'
import { flow } from './command/flow.ts'
import { ingress } from './command/ingress.ts'
import { op } from './command/op.ts'
import { projection } from './command/projection.ts'
import { projector } from './command/projector.ts'
import { replay } from './command/replay.ts'
import { retention } from './command/retention.ts'
import { send } from './command/send.ts'
import { tail } from './command/tail.ts'
import { top } from './command/top.ts'
import { topology } from './command/topology.ts'
import { verify } from './command/verify.ts'
import { whatif } from './command/whatif.ts'

/** Adds a command to the tree. Whoever wants a new one adds a file and a line below. */
export type Register = (program: Command) => void

/** In the order of `--help`: start, look, check, keep. */
const commands: readonly Register[] = [
  dev,
  send,
  tail,
  top,
  dispatch,
  dead,
  flow,
  circuit,
  binding,
  op,
  event,
  replay,
  exportCommand,
  verify,
  whatif,
  deploy,
  ingress,
  dispatcher,
  projector,
  dashboard,
  projection,
  topology,
  retention,
  doctor,
  completion,
]

export function createProgram(version: string): Command {
  const program = new Command('waybill')
    .description('Event-sourced dispatch on NATS JetStream')
    .version(version, '-V, --version')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showHelpAfterError('(waybill <command> --help says more)')
    .showSuggestionAfterError()
  withGlobals(program)
  for (const register of commands) register(program)
  for (const command of subtree(program)) command.exitOverride()
  return program
}

function* subtree(command: Command): Iterable<Command> {
  yield command
  for (const child of command.commands) yield* subtree(child)
}
