import { normaliseThrown, type HostedApp } from '@waybill/core'
import { runApart } from './run-apart.ts'
import { toChild, type FromChild } from './wire.ts'

/* Entry of the child process that runs one attempt at a time. */

interface Loader {
  loadApp(module: string): Promise<HostedApp<AbortSignal>>
}

const [, , loader = '', module = ''] = process.argv
const hear = runApart({ app: load(), tell })

// The parent is gone: nobody would hear the result.
process.on('disconnect', () => process.exit(0))
process.on('message', (message) => hear(toChild.parse(message)))

async function load(): Promise<HostedApp<AbortSignal> | undefined> {
  try {
    // The path is given at run time so that the engine needs no arrow to the package that has it.
    const { loadApp } = (await import(loader)) as Loader
    const loaded = await loadApp(module)
    tell({ kind: 'ready' })
    return loaded
  } catch (cause) {
    tell({ kind: 'broken', error: normaliseThrown(cause) })
    process.disconnect()
    return undefined
  }
}

/** Without a parent there is nobody to tell; `disconnect` ends this process then. */
function tell(message: FromChild): void {
  process.send?.(message, undefined, undefined, () => undefined)
}
