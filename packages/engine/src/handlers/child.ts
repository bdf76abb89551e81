import {
  decode,
  encode,
  manifest,
  normaliseThrown,
  waybillEvent,
  type AttemptRun,
  type HostedApp,
} from '@waybill/core'
import { outputFault } from './output.ts'
import { toChild, type FromChild, type ToChild } from './wire.ts'

/*
 * Entry of the child process that runs one attempt at a time. It knows the app, the handler and the
 * event; the log is the parent's, which it asks when the handler sends something.
 */

interface Loader {
  loadApp(module: string): Promise<HostedApp<AbortSignal>>
}

interface Current {
  readonly id: number
  readonly controller: AbortController
  readonly sends: Map<number, PromiseWithResolvers<string>>
}

const [, , loader = '', module = ''] = process.argv
const app = load()
let current: Current | undefined

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

function hear(message: ToChild): void {
  switch (message.kind) {
    case 'run':
      void run(message)
      return
    case 'abort':
      if (current?.id === message.id) current.controller.abort(new Error(message.reason))
      return
    case 'sent': {
      if (current?.id !== message.id) return
      const pending = current.sends.get(message.ordinal)
      if (message.event === undefined) pending?.reject(new Error(message.error))
      else pending?.resolve(message.event)
      return
    }
    default:
      return message satisfies never
  }
}

async function run(message: Extract<ToChild, { kind: 'run' }>): Promise<void> {
  const { id } = message
  const hosted = await app
  if (!hosted) return
  current = { id, controller: new AbortController(), sends: new Map() }
  try {
    const output = await hosted.run(
      manifest.parse(decode(message.binding)),
      runOf(message, current),
    )
    const unfit = outputFault(output)
    if (unfit) throw unfit
    tell({ kind: 'succeeded', id, ...(output === undefined ? {} : { output: encode(output) }) })
  } catch (cause) {
    tell({ kind: 'failed', id, error: normaliseThrown(cause) })
  }
}

function runOf(
  {
    id,
    event,
    batch,
    dispatch,
    idempotencyKey,
    attempt,
    fencingToken,
    deadline,
  }: Extract<ToChild, { kind: 'run' }>,
  { controller, sends }: Current,
): AttemptRun<AbortSignal> {
  return {
    dispatch,
    event: waybillEvent.parse(decode(event)),
    batch: batch?.map((one) => waybillEvent.parse(decode(one))),
    attempt,
    idempotencyKey,
    fencingToken,
    deadline,
    signal: controller.signal,
    send(draft) {
      const ordinal = sends.size
      const pending = Promise.withResolvers<string>()
      sends.set(ordinal, pending)
      tell({ kind: 'send', id, ordinal, draft: encode(draft) })
      return pending.promise
    },
  }
}

/** Without a parent there is nobody to tell; `disconnect` ends this process then. */
function tell(message: FromChild): void {
  process.send?.(message, undefined, undefined, () => undefined)
}
