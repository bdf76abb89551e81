import { fork, type ChildProcess } from 'node:child_process'
import { decode, encode, normaliseThrown, type EffectResult, type EventDraft } from '@waybill/core'
import type { Attempt } from '../attempt.ts'
import type { Clock } from '../clock.ts'
import type { Task } from './handler.ts'
import { fromChild, type FromChild, type ToChild } from './wire.ts'

export interface IsolatedOptions {
  /** URL of a module that exports `loadApp(url): Promise<HostedApp>`. */
  readonly loader: string
  /** URL of the module that exports the app. */
  readonly module: string
  /** Flags of the child's Node; those of this process unless given. */
  readonly execArgv?: readonly string[] | undefined
}

export interface IsolatedPorts {
  readonly isolated: IsolatedOptions
  readonly clock: Clock
  readonly abortGraceMs: number
}

/**
 * Runs attempts one at a time in a child process, so that whatever they do to it, they do to it
 * alone. The child is kept for the next one; it ends when an attempt kills it or will not stop.
 */
export class Isolated {
  readonly #ports: IsolatedPorts
  readonly #waiting: Task[] = []
  #current: Running | undefined
  #child: ChildProcess | undefined
  #ids = 0

  constructor(ports: IsolatedPorts) {
    this.#ports = ports
  }

  start(task: Task): void {
    this.#waiting.push(task)
    this.#next()
  }

  /** The attempt is over; its process is ended if it does not stop in time. */
  abort(attempt: Attempt): void {
    const current = this.#current
    const doomed = this.#child
    if (current?.task.attempt !== attempt || current.kill || !doomed) return
    const { clock, abortGraceMs } = this.#ports
    tell(doomed, { kind: 'abort', id: current.id, reason: String(attempt.signal.reason) })
    current.kill = clock.wake(clock.now() + abortGraceMs, () => doomed.kill('SIGKILL'))
  }

  async close(): Promise<void> {
    this.#waiting.length = 0
    const last = this.#child
    this.#child = undefined
    this.#current?.kill?.()
    this.#current = undefined
    if (!last || last.exitCode !== null || last.signalCode !== null) return
    await new Promise((resolve) => {
      last.once('exit', resolve)
      last.kill('SIGKILL')
    })
  }

  #next(): void {
    while (!this.#current && this.#waiting.length > 0) {
      const task = this.#waiting.shift()
      if (!task || task.attempt.over) continue
      this.#current = { task, id: ++this.#ids, kill: undefined }
      this.#child ??= this.#spawn(this.#ports.isolated)
      tell(this.#child, runOf(this.#current))
    }
  }

  #spawn({ loader, module, execArgv }: IsolatedOptions): ChildProcess {
    const born = fork(entry, [loader, module], {
      serialization: 'advanced',
      ...(execArgv ? { execArgv: [...execArgv] } : {}),
    })
    born.on('message', (message) => {
      if (born === this.#child) this.#hear(fromChild.parse(message), born)
    })
    born.on('error', () => this.#gone(born, 'it could not be started'))
    born.on('exit', (code, signal) => this.#gone(born, signal ?? `exit code ${code}`))
    return born
  }

  #hear(message: FromChild, from: ChildProcess): void {
    switch (message.kind) {
      case 'ready':
        return
      case 'broken':
        this.#child = undefined
        return this.#finish({ status: 'failed', error: message.error })
      case 'send':
        if (message.id === this.#current?.id) void send(this.#current, message, from)
        return
      case 'failed':
        if (message.id !== this.#current?.id) return
        return this.#finish({ status: 'failed', error: message.error })
      case 'succeeded':
        if (message.id !== this.#current?.id) return
        return this.#finish({
          status: 'succeeded',
          output: message.output && decode(message.output),
        })
      default:
        return message satisfies never
    }
  }

  #finish(ending: Ending): void {
    if (!this.#current) return
    const { task, kill } = this.#current
    const { attempt } = task
    this.#current = undefined
    kill?.()
    const ms = Math.max(0, this.#ports.clock.now() - attempt.facts.startedAt)
    const result = ending.status === 'killed' ? ending : { ...ending, sent: [...attempt.sent], ms }
    task.settle(attempt, result)
    this.#next()
  }

  #gone(who: ChildProcess, how: string): void {
    if (who !== this.#child) return
    this.#child = undefined
    this.#finish({ status: 'killed', reason: how })
    this.#next()
  }
}

type Ending =
  | Omit<Extract<EffectResult, { status: 'succeeded' }>, 'sent' | 'ms'>
  | Omit<Extract<EffectResult, { status: 'failed' }>, 'sent' | 'ms'>
  | Extract<EffectResult, { status: 'killed' }>

interface Running {
  readonly task: Task
  readonly id: number
  /** Calls off the end of the process, once one was announced. */
  kill: (() => void) | undefined
}

/** Beside this file, whatever its extension is by now. */
const entry = new URL(
  import.meta.url.endsWith('.ts') ? './child.ts' : './child.js',
  import.meta.url,
)

function runOf({ task, id }: Running): ToChild {
  const { attempt, binding } = task
  const { dispatch, event, fencingToken, deadline } = attempt
  return {
    kind: 'run',
    id,
    binding: encode(binding),
    event: encode(event),
    dispatch,
    attempt: attempt.attempt,
    fencingToken,
    deadline,
  }
}

async function send(
  { task, id }: Running,
  { ordinal, draft }: Extract<FromChild, { kind: 'send' }>,
  to: ChildProcess,
): Promise<void> {
  try {
    // Checked like any other draft, where it is accepted.
    const event = await task.attempt.send(decode(draft) as unknown as EventDraft)
    tell(to, { kind: 'sent', id, ordinal, event })
  } catch (cause) {
    tell(to, { kind: 'sent', id, ordinal, error: normaliseThrown(cause).message })
  }
}

/** A child that is gone hears nothing; its end is noticed by itself. */
function tell(to: ChildProcess, message: ToChild): void {
  if (to.connected) to.send(message, () => undefined)
}
