import { useEffect, useRef, useSyncExternalStore } from 'react'
import { send } from '../base/api.ts'
import type { LiveBatch } from './conflate.ts'
import { createLiveHub, type LiveState } from './hub.ts'
import type { NatsPlace } from './nats.ts'
import type { LiveSource } from './source.ts'
import { sseSource } from './sse.ts'

/** The page's one live connection: every app, since who looks at one often looks at the next. */
export const live = createLiveHub(asTold())

/** As the session says: from the dashboard, or straight from NATS, whose client comes only then. */
function asTold(): LiveSource {
  return {
    open(ear) {
      let close: (() => void) | undefined
      let isClosed = false
      sourceOf().then(
        (source) => {
          if (!isClosed) close = source.open(ear)
        },
        () => (close = sseSource(path).open(ear)), // who cannot be asked is asked again there
      )
      return () => {
        isClosed = true
        close?.()
      }
    },
  }
}

const path = '/api/v1/live'

async function sourceOf(): Promise<LiveSource> {
  const session = await send('GET', '/api/v1/session')
  const { live: told } = session as { live?: { kind: 'sse' } | ({ kind: 'nats' } & NatsPlace) } // by the contract
  if (told?.kind !== 'nats') return sseSource(path)
  const { natsSource } = await import('./nats.ts')
  return natsSource(told)
}

export const useLiveState = (): LiveState => useSyncExternalStore(live.watch, live.state)

/** Calls `hear` with each batch; it may be another function at each render. */
export function useLive(hear: (batch: LiveBatch) => void): void {
  const latest = useRef(hear)
  latest.current = hear
  useEffect(() => live.hear((batch) => latest.current(batch)), [])
}
