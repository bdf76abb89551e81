import { openScope, type Scope } from '@waybill/service'
import { ownSignals } from './cli.ts'
import { exit, type ExitCode } from './exit.ts'

/** Ctrl-C reaches a whole group of processes, and some pass it on: that is still one. */
const sameKeyMs = 500

/**
 * The life of a command that serves: starts, serves until a signal or a failure, drains. What made
 * it fail is thrown, so that it is told and ends like any other error of the CLI.
 *
 * @param start may answer a promise that rejects when there is no use in draining any more
 */
export async function serveUntilStopped(
  options: Parameters<typeof openScope>[0],
  start: (scope: Scope) => Promise<{ readonly lost?: Promise<never> }>,
): Promise<ExitCode> {
  ownSignals()
  const scope = openScope(options)
  const stopping = new Promise<void>((resolve) => {
    scope.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  endOnSignal(() => void scope.stop().catch(() => undefined))
  process.on('uncaughtException', (cause) => scope.fail(cause))
  process.on('unhandledRejection', (cause) => scope.fail(cause))
  const started = start(scope)
  try {
    // A start that is overtaken by the end is not waited for: what it opens from now on is refused.
    await Promise.race([started, stopping])
  } catch (cause) {
    await scope.stop().catch(() => undefined)
    throw cause
  }
  started.catch(() => undefined)
  if (!scope.signal.aborted) {
    const { lost } = await started
    await Promise.race(lost ? [stopping, lost] : [stopping])
  }
  await scope.stop()
  return exit.done
}

/** The first one drains, a later one ends the process where it stands. */
function endOnSignal(stop: () => void): void {
  let askedAt: number | undefined
  const onSignal = (): void => {
    const now = performance.now()
    if (askedAt !== undefined && now - askedAt > sameKeyMs) process.exit(exit.interrupted)
    if (askedAt !== undefined) return
    askedAt = now
    process.stderr.write('\nstopping: running handlers may finish; Ctrl-C again ends it at once\n')
    stop()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', onSignal)
}
