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
import type { FromChild, ToChild } from './wire.ts'

interface Current {
  readonly id: number
  readonly controller: AbortController
  readonly sends: Map<number, PromiseWithResolvers<string>>
}

export interface RunApartPorts {
  /** Undefined: it could not be loaded, and that was told. */
  readonly app: Promise<HostedApp<AbortSignal> | undefined>
  readonly tell: (message: FromChild) => void
}

/**
 * The child's side of an attempt that runs alone, one at a time. It knows the app, the handler and
 * the event; the log is the parent's, which it asks when the handler sends something.
 */
export function runApart({ app, tell }: RunApartPorts): (message: ToChild) => void {
  let current: Current | undefined

  async function run(message: Extract<ToChild, { kind: 'run' }>): Promise<void> {
    const { id } = message
    const hosted = await app
    if (!hosted) return
    current = { id, controller: new AbortController(), sends: new Map() }
    try {
      const output = await hosted.run(
        manifest.parse(decode(message.binding)),
        runOf(message, current, tell),
      )
      const unfit = outputFault(output)
      if (unfit) throw unfit
      tell({ kind: 'succeeded', id, ...(output === undefined ? {} : { output: encode(output) }) })
    } catch (cause) {
      tell({ kind: 'failed', id, error: normaliseThrown(cause) })
    }
  }

  return (message) => {
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
}

function runOf(
  message: Extract<ToChild, { kind: 'run' }>,
  { id, controller, sends }: Current,
  tell: RunApartPorts['tell'],
): AttemptRun<AbortSignal> {
  const { event, batch, dispatch, idempotencyKey, attempt, standsFor, fencingToken, deadline } =
    message
  return {
    dispatch,
    event: waybillEvent.parse(decode(event)),
    batch: batch?.map((one) => waybillEvent.parse(decode(one))),
    attempt,
    standsFor,
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
