import { PermanentError, type HostedApp } from '@waybill/core'
import { appOf, definition, type Run } from './system.ts'

/** An app for child processes: what `die` does here, it does to the child alone. */
export const definitions = [
  definition({
    id: 'apart',
    handler: { kind: 'local', code: 'b'.repeat(32), isolate: true },
    timeouts: {
      attemptMs: 5000,
      scheduleToCloseMs: 3_600_000,
      predicateMs: 1000,
      versionWaitMs: 1000,
    },
    retry: { kind: 'fixed', delayMs: 0, maxAttempts: 10, jitter: 'none' },
  }),
]

const acts: Record<string, Run> = {
  die: () => {
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => {})
  },
  hang: async (run) => {
    if (run.attempt > 1) return 'second'
    await run.send({ type: 'hanging', source: 'shop', data: {} })
    return new Promise(() => {})
  },
  refuse: () => Promise.reject(new PermanentError('no such order')),
  where: async (run) => ({ pid: process.pid, token: run.fencingToken, attempt: run.attempt }),
  send: async (run) => run.send({ type: 'order.followed', source: 'shop', data: 'where' }),
}

const run: Run = (attempt) => {
  const { data } = attempt.event
  const act = typeof data === 'string' ? acts[data] : undefined
  if (!act) throw new Error(`no act ${JSON.stringify(data)}`)
  return act(attempt, undefined as never)
}

export async function loadApp(module: string): Promise<HostedApp<AbortSignal>> {
  if (module === 'nowhere:') throw new Error('there is no app')
  return appOf({ definitions, run, module })
}
