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
  let opened = false
  const watchers = new Set<() => void>()
  const ears = new Set<(batch: LiveBatch) => void>()
  const resets = new Set<() => void>()

  const set = (changes: Partial<LiveState>): void => {
    state = { ...state, ...changes }
    for (const watcher of watchers) watcher()
  }
  const pacer = createPacer(
    (batch) => ears.forEach((ear) => state.paused || ear(batch)),
    (perSecond) => set({ perSecond }),
  )
  const reset = (): void => resets.forEach((listener) => listener())
  const open = (): void => {
    if (opened) return
    opened = true
    source.open({
      bundle: (bundle) => pacer.gather(stepsOf(bundle), bundle.more),
      status: (status) => set({ status }),
      reset: () => (state.paused ? undefined : reset()),
      link: (link, why) => {
        // What was read before it was open may have missed something, and so may what comes back;
        // the server replays it, the rows are cheap.
        if (link === 'open' && state.link !== 'open') reset()
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
      set({ paused })
      if (!paused) reset()
    },
  }
}

const frameMs = 16
const rateMs = 500

/** Gathers for a frame, or for 100 ms when much is going on, and says how much that is. */
function createPacer(deliver: (batch: LiveBatch) => void, tell: (perSecond: number) => void) {
  const rate = createRate()
  let gathered: LiveStep[] = []
  let leftOut = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let teller: ReturnType<typeof setTimeout> | undefined

  const flush = (): void => {
    timer = undefined
    const steps = gathered
    const folded = leftOut
    gathered = []
    leftOut = 0
    const isMuch = rate.perSecond(Date.now()) > conflateAbovePerSecond
    const batch = isMuch ? conflate(steps) : { steps, folded: 0 }
    deliver({ ...batch, folded: batch.folded + folded })
  }
  /** Until it is zero again: when nothing comes any more, nobody else says so. */
  const say = (): void => {
    const perSecond = rate.perSecond(Date.now())
    tell(perSecond)
    teller = perSecond > 0 ? setTimeout(say, rateMs) : undefined
  }
  return {
    /** @param more what the server left out: it happened all the same */
    gather(steps: readonly LiveStep[], more: number): void {
      const now = Date.now()
      rate.add(steps.length + more, now)
      leftOut += more
      gathered.push(...steps)
      timer ??= setTimeout(flush, Math.max(frameMs, paceMs(rate.perSecond(now))))
      teller ??= setTimeout(say, rateMs)
    },
  }
}

function enrol<T>(all: Set<T>, one: T): () => void {
  all.add(one)
  return () => void all.delete(one)
}
