import { normaliseThrown, type EffectResult, type HostedApp, type Plain } from '@waybill/core'
import type { Clock } from '../clock.ts'
import type { Handler, Task } from './handler.ts'
import { Isolated } from './isolated.ts'
import { outputFault } from './output.ts'
import type { Spawn } from './spawn.ts'

export interface LocalPorts {
  readonly app: HostedApp<AbortSignal>
  readonly clock: Clock
  /** Without it, what should run alone runs here like everything else: in a test bed, say. */
  readonly spawn?: Spawn | undefined
  readonly abortGraceMs: number
  readonly isolatedMax: number
}

/** Functions of the app, in this process; those that must run alone in a child of it. */
export function createLocalHandler(ports: LocalPorts): Handler {
  const { app, clock, spawn } = ports
  const isolated = spawn && new Isolated({ ...ports, spawn })

  function runInline({ attempt, binding, settle }: Task): void {
    let running: Promise<Plain | undefined>
    try {
      running = app.run(binding, attempt)
    } catch (cause) {
      settle(attempt, failed(cause))
      return
    }
    running.then(
      (output) => settle(attempt, succeeded(output)),
      (cause: unknown) => settle(attempt, failed(cause)),
    )

    function succeeded(output: Plain | undefined): EffectResult {
      const unfit = outputFault(output)
      if (unfit) return failed(unfit)
      return { status: 'succeeded', output, sent: sent(), ms: elapsed() }
    }
    function failed(cause: unknown): EffectResult {
      return { status: 'failed', error: normaliseThrown(cause), sent: sent(), ms: elapsed() }
    }
    function sent(): string[] {
      return attempt.sent as string[] // the result's schema has it mutable, nobody changes it
    }
    function elapsed(): number {
      return Math.max(0, clock.now() - attempt.facts.startedAt)
    }
  }

  return {
    start: (task) => (task.alone && isolated ? isolated.start(task) : runInline(task)),
    abort(attempt, reason) {
      attempt.abort(reason)
      isolated?.abort(attempt, reason)
    },
    close: async () => isolated?.close(),
  }
}
