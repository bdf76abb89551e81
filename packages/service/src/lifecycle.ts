import { exitCodes, explain, ServiceError } from './fault.ts'
import { createLogger, type Logger } from './logger.ts'

/**
 * Owns everything a process (or one of several services in a process) opens and runs. Stopping
 * undoes it in reverse order, one after the other: what was begun last may still use what was
 * begun before it.
 */
export interface Scope {
  /** Aborted when stopping begins: take no new work. */
  readonly signal: AbortSignal
  readonly log: Logger
  /** Hands over a thing with a life; it is closed when its turn comes. */
  use<T extends Closable>(thing: T | Promise<T>, name?: string): Promise<T>
  /** Runs until its own signal aborts, which is at its turn. A throw before that ends the scope. */
  run(name: string, work: (signal: AbortSignal) => Promise<unknown>): void
  /** Something is broken for good: everything stops, and the process ends with its code. */
  fail(cause: unknown): void
}

export type Closable = AsyncDisposable | Disposable

export interface ScopeOptions {
  /** For the whole of stopping. */
  readonly graceMs?: number
  readonly log?: Logger
}

export interface OwnedScope extends Scope, AsyncDisposable {
  /** Idempotent. Rejects with what made the scope fail, if anything did. */
  stop(): Promise<void>
}

export function openScope(options: ScopeOptions = {}): OwnedScope {
  const { graceMs = 30_000, log = createLogger() } = options
  const stopping = new AbortController()
  const steps = createSteps(graceMs, log)
  let failure: { cause: unknown } | undefined
  let stopped: Promise<void> | undefined

  function fail(cause: unknown): void {
    if (!stopping.signal.aborted) log.fatal({ err: cause }, 'stopping because of a failure')
    failure ??= { cause }
    void stop().catch(() => undefined) // whoever stops the scope hears of it
  }

  async function use<T extends Closable>(thing: T | Promise<T>, name?: string): Promise<T> {
    const it = await thing
    if (stopping.signal.aborted) {
      await dispose(it)
      throw new ServiceError({ code: 'WB1102', what: 'stopped while it was starting' })
    }
    steps.push(name ?? it.constructor.name, () => dispose(it))
    return it
  }

  function run(name: string, work: (signal: AbortSignal) => Promise<unknown>): void {
    if (stopping.signal.aborted) return
    const turn = new AbortController()
    const done = work(turn.signal).catch((cause: unknown) => {
      if (!turn.signal.aborted) fail(cause)
      else if (!isAbort(cause)) log.warn({ err: cause, task: name }, 'a task failed while stopping')
    })
    steps.push(name, () => {
      turn.abort()
      return done
    })
  }

  function stop(): Promise<void> {
    stopped ??= drain()
    return stopped
  }

  async function drain(): Promise<void> {
    stopping.abort()
    const trouble = await steps.undo()
    failure ??= trouble
    if (failure !== undefined) throw failure.cause
  }

  return { signal: stopping.signal, log, use, run, fail, stop, [Symbol.asyncDispose]: stop }
}

/** What was begun, to be undone in reverse order within one time for all. */
function createSteps(graceMs: number, log: Logger) {
  const steps: { name: string; undo: () => unknown }[] = []

  /** Past the deadline each step is still told to stop, but no longer waited for. */
  async function undoOne(name: string, undo: () => unknown, passed: Promise<'passed'>) {
    try {
      const ended = Promise.resolve(undo()).then(() => 'ended' as const)
      if ((await Promise.race([ended, passed])) === 'ended') return undefined
      ended.catch(() => undefined)
      log.error({ step: name, graceMs }, 'it did not stop in time')
      return { cause: tooLong(name, graceMs) }
    } catch (cause) {
      log.error({ err: cause, step: name }, 'it failed to stop')
      return { cause }
    }
  }

  return {
    push: (name: string, undo: () => unknown) => void steps.push({ name, undo }),
    /** Answers the first thing that went wrong. */
    async undo(): Promise<{ cause: unknown } | undefined> {
      const deadline = createDeadline(graceMs)
      let trouble: { cause: unknown } | undefined
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        const found = await undoOne(step.name, step.undo, deadline.passed)
        trouble ??= found
      }
      deadline.clear()
      return trouble
    },
  }
}

/**
 * The life of a process: starts, serves until SIGTERM, SIGINT or a failure, drains, ends. A second
 * signal ends it at once. Ends the process with 0, or with the failure's exit code.
 */
export async function serve(
  main: (scope: Scope) => Promise<void>,
  options: ScopeOptions = {},
): Promise<never> {
  const scope = openScope(options)
  const onSignal = (signal: NodeJS.Signals) => {
    if (scope.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143)
    scope.log.info({ signal }, 'stopping')
    void scope.stop().catch(() => undefined)
  }
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  process.on('uncaughtException', (cause) => scope.fail(cause))
  process.on('unhandledRejection', (cause) => scope.fail(cause))
  const code = await lived(scope, main)
  return process.exit(code)
}

/** Runs `main`, waits for the end of the scope, answers the exit code. */
async function lived(scope: OwnedScope, main: (scope: Scope) => Promise<void>): Promise<number> {
  const ended = new Promise<void>((resolve) => {
    scope.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  // A start that is overtaken by the end is not waited for: what it opens from now on is refused.
  const started = main(scope).catch((cause: unknown) => {
    if (!scope.signal.aborted) scope.fail(cause)
  })
  await Promise.race([started, ended])
  await ended
  try {
    await scope.stop()
    return 0
  } catch (cause) {
    process.stderr.write(`${explain(cause)}\n`)
    return cause instanceof ServiceError ? cause.exitCode : exitCodes.software
  }
}

async function dispose(thing: Closable): Promise<void> {
  if (Symbol.asyncDispose in thing) await thing[Symbol.asyncDispose]()
  else thing[Symbol.dispose]()
}

function createDeadline(ms: number): { passed: Promise<'passed'>; clear(): void } {
  const { promise, resolve } = Promise.withResolvers<'passed'>()
  const timer = setTimeout(() => resolve('passed'), ms)
  return { passed: promise, clear: () => clearTimeout(timer) }
}

const isAbort = (cause: unknown): boolean => cause instanceof Error && cause.name === 'AbortError'

const tooLong = (step: string, graceMs: number): ServiceError =>
  new ServiceError({
    code: 'WB1103',
    what: 'stopping took too long',
    where: step,
    why: `it was given ${graceMs} ms`,
    exitCode: exitCodes.drainTooLong,
  })
