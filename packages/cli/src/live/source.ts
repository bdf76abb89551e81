import { liveBundle, type LiveBundle } from '@waybill/projections'
import type { Nats } from '../connection.ts'

export interface LiveSource {
  readonly nc: Nats
  readonly prefix: string
}

/** Bundles as the projector tells of them, once their rows can be read. */
export interface Heard extends AsyncIterable<LiveBundle>, Disposable {}

/**
 * Listening has begun when this resolves. Nothing is stored: what was said before, or while the
 * connection was down, is not said again. The signal ends it.
 */
export async function listen(
  { nc, prefix }: LiveSource,
  app: string | undefined,
  signal: AbortSignal,
): Promise<Heard> {
  const subscription = nc.subscribe(`${prefix}.live.${app ?? '*'}.*`)
  const stop = (): void => subscription.unsubscribe()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  await nc.flush()
  return {
    async *[Symbol.asyncIterator]() {
      for await (const message of subscription) {
        const bundle = liveBundle.safeParse(message.json())
        if (bundle.success) yield bundle.data
      }
    },
    [Symbol.dispose]() {
      signal.removeEventListener('abort', stop)
      stop()
    },
  }
}
