import { fork } from 'node:child_process'
import type { HostedApp } from '@waybill/core'
import { EngineDefect } from '../fault.ts'
import { fromChild, type FromChild, type ToChild } from './wire.ts'

/** Starts a process that runs attempts. */
export type Spawn = (hears: ChildEvents) => Spawned

export interface ChildEvents {
  message(message: FromChild): void
  /** It is no more, or never was. */
  gone(how: string): void
}

export interface Spawned {
  /** What is gone hears nothing; its end is noticed by itself. */
  send(message: ToChild): void
  kill(): void
  readonly exited: Promise<void>
}

interface ForkOptions {
  /** URL of a module that exports `loadApp(url): Promise<HostedApp>`. */
  readonly loader: string
  /** URL of the module that exports the app. */
  readonly module: string
  /** Flags of the child's Node; those of this process unless given. */
  readonly execArgv?: readonly string[] | undefined
}

/**
 * What a host starts them by; undefined: nothing, and no binding asks for it.
 *
 * @throws EngineDefect when one does
 */
export function spawnOf({ spawn, isolated, app }: SpawnOptions): Spawn | undefined {
  if (spawn) return spawn
  if (isolated && app.module) return forks({ ...isolated, module: app.module })
  const apart = app.definitions.find(({ handler }) => handler.isolate)
  if (!apart) return undefined
  throw new EngineDefect(`${apart.id} wants a process of its own, which needs a loader here`)
}

interface SpawnOptions {
  readonly spawn?: Spawn
  readonly isolated?: Omit<ForkOptions, 'module'>
  readonly app: HostedApp<AbortSignal>
}

/** Child processes of this one, each with Node and the app's module. */
const forks =
  ({ loader, module, execArgv }: ForkOptions): Spawn =>
  (hears) => {
    const child = fork(entry, [loader, module], {
      serialization: 'advanced',
      ...(execArgv ? { execArgv: [...execArgv] } : {}),
    })
    const exited = Promise.withResolvers<void>()
    child.on('message', (message) => hears.message(fromChild.parse(message)))
    child.on('error', () => hears.gone('it could not be started'))
    child.on('exit', (code, signal) => {
      exited.resolve()
      hears.gone(signal ?? `exit code ${code}`)
    })
    return {
      send(message) {
        if (child.connected) child.send(message, () => undefined)
      },
      kill: () => void child.kill('SIGKILL'),
      exited: exited.promise,
    }
  }

/** Beside this file, whatever its extension is by now. */
const entry = new URL(
  import.meta.url.endsWith('.ts') ? './child.ts' : './child.js',
  import.meta.url,
)
