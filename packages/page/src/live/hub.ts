import {
  conflate,
  conflateAbovePerSecond,
  createRate,
  type LiveBatch,
  type LiveStep,
  paceMs,
  stepsOf,
} from './conflate.ts'
import type { LinkState, LiveSource, ProjectorStatus } from './source.ts'

export interface LiveState {
  readonly link: LinkState
  readonly why?: string | undefined
  /** When the link was lost. */
  readonly lostAt?: number | undefined
  readonly paused: boolean
  readonly status?: ProjectorStatus | undefined
  /** Transitions a second. */
  readonly perSecond: number
}

export interface LiveHub {
  readonly state: () => LiveState
  watch(listener: () => void): () => void
  /** Batches of what happened. */
  hear(listener: (batch: LiveBatch) => void): () => void
  /** What is shown may be old, for whatever reason. */
  onReset(listener: () => void): () => void
  pause(paused: boolean): void
}

/** One connection for the whole page; opened by the first who looks, paced for all. */
export function createLiveHub(source: LiveSource): LiveHub {
  let state: LiveState = { link: 'connecting', paused: false, perSecond: 0 }
  const watchers = new Set<() => void>()
  const ears = new Set<(batch: LiveBatch) => void>()
  const resets = new Set<() => void>()
  const rate = createRate()
  let gathered: LiveStep[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let opened = false

  const set = (changes: Partial<LiveState>): void => {
    state = { ...state, ...changes }
    for (const watcher of watchers) watcher()
  }
  const reset = (): void => resets.forEach((listener) => listener())
  const flush = (): void => {
    timer = undefined
    const perSecond = rate.perSecond(Date.now())
    const steps = gathered
    gathered = []
    const batch = perSecond > conflateAbovePerSecond ? conflate(steps) : { steps, folded: 0 }
    for (const ear of ears) ear(batch)
    if (Math.abs(perSecond - state.perSecond) > 0.5) set({ perSecond })
  }
  const gather = (steps: LiveStep[]): void => {
    rate.add(steps.length, Date.now())
    if (state.paused) return
    gathered.push(...steps)
    timer ??= setTimeout(flush, Math.max(16, paceMs(rate.perSecond(Date.now()))))
  }
  const open = (): void => {
    if (opened) return
    opened = true
    source.open({
      bundle: (bundle) => gather(stepsOf(bundle)),
      status: (status) => set({ status, perSecond: rate.perSecond(Date.now()) }),
      reset: () => (state.paused ? undefined : reset()),
      link: (link, why) => {
        // What came back may have missed something; the server replays it, the rows are cheap.
        if (link === 'open' && state.link === 'lost') reset()
        const lostAt = link === 'lost' ? (state.lostAt ?? Date.now()) : undefined
        set({ link, why, lostAt })
      },
    })
  }
  return {
    state: () => state,
    watch: (listener) => (open(), enrol(watchers, listener)),
    hear: (listener) => (open(), enrol(ears, listener)),
    onReset: (listener) => enrol(resets, listener),
    pause: (paused) => {
      if (paused) gathered = []
      set({ paused })
      if (!paused) reset()
    },
  }
}

function enrol<T>(all: Set<T>, one: T): () => void {
  all.add(one)
  return () => void all.delete(one)
}
