/** The host's time. Everything in the engine that waits, waits on this. */
export interface Clock {
  /** Epoch ms, an integer. */
  now(): number
  /** Calls `fn` once, never before `atMs` (epoch ms). Returns what calls it off. */
  wake(atMs: number, fn: () => void): () => void
  /** Calls `fn` once everybody else had a turn: in a process, when the event loop was round once. */
  soon(fn: () => void): void
}

/** Longer timers overflow to 1 ms in Node; they are set again when this much has passed. */
const timeoutMsMax = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  wake(atMs, fn) {
    let timer = arm()
    return () => clearTimeout(timer)

    function arm(): NodeJS.Timeout {
      return setTimeout(due, Math.min(Math.max(0, atMs - Date.now()), timeoutMsMax))
    }
    function due(): void {
      // Timers of Node may be a millisecond early by the wall clock, which may also have been set back.
      if (Date.now() < atMs) timer = arm()
      else fn()
    }
  },
  soon: (fn) => void setImmediate(fn),
}

/** Time that stands still until it is told: for tests and for the test bed. */
export interface VirtualClock extends Clock {
  /** Moves on to `atMs` and calls what became due on the way, in order of time, each at its own. */
  advanceTo(atMs: number): void
  /** When the next call is due. */
  next(): number | undefined
}

interface Wake {
  readonly at: number
  readonly order: number
  readonly fn: () => void
}

export function virtualClock(startMs: number): VirtualClock {
  const wakes = new Set<Wake>()
  let now = startMs
  let order = 0

  function earliest(): Wake | undefined {
    let first: Wake | undefined
    for (const wake of wakes) {
      if (!first || wake.at < first.at || (wake.at === first.at && wake.order < first.order)) {
        first = wake
      }
    }
    return first
  }

  return {
    now: () => now,
    wake(atMs, fn) {
      const wake = { at: atMs, order: order++, fn }
      wakes.add(wake)
      return () => wakes.delete(wake)
    },
    soon: (fn) => void setImmediate(fn),
    advanceTo(atMs) {
      for (let due = earliest(); due && due.at <= atMs; due = earliest()) {
        wakes.delete(due)
        now = Math.max(now, due.at)
        due.fn()
      }
      now = Math.max(now, atMs)
    },
    next: () => earliest()?.at,
  }
}

/** Resolves at `atMs`, or at once when the signal is aborted; never rejects. */
export function sleepUntil(clock: Clock, atMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const cancel = clock.wake(atMs, done)
    signal.addEventListener('abort', done, { once: true })

    function done(): void {
      cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}
