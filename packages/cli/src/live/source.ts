import { liveBundle, type LiveBundle } from '@waybill/projections'
import type { Nats } from '../connection.ts'

export interface LiveSource {
  readonly nc: Nats
  readonly prefix: string
}

/**
 * What the projector tells of every bundle, once its rows can be read. Not stored: what was said
 * before we listened, or while the connection was down, is not said again.
 */
export async function* liveBundles(
  { nc, prefix }: LiveSource,
  app: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<LiveBundle, void> {
  if (signal.aborted) return
  const subscription = nc.subscribe(`${prefix}.live.${app ?? '*'}.*`)
  const stop = (): void => subscription.unsubscribe()
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const message of subscription) {
      const bundle = liveBundle.safeParse(message.json())
      if (bundle.success) yield bundle.data
    }
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
}
