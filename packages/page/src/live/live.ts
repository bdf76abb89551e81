import { useEffect, useRef, useSyncExternalStore } from 'react'
import type { LiveBatch } from './conflate.ts'
import { createLiveHub, type LiveState } from './hub.ts'
import { sseSource } from './sse.ts'

/** The page's one live connection: every app, since who looks at one often looks at the next. */
export const live = createLiveHub(sseSource('/api/v1/live'))

export const useLiveState = (): LiveState => useSyncExternalStore(live.watch, live.state)

/** Calls `hear` with each batch; it may be another function at each render. */
export function useLive(hear: (batch: LiveBatch) => void): void {
  const latest = useRef(hear)
  latest.current = hear
  useEffect(() => live.hear((batch) => latest.current(batch)), [])
}
