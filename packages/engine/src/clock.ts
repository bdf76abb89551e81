/** The host's time. Everything in the engine that waits, waits on this. */
export interface Clock {
  /** Epoch ms, an integer. */
  now(): number
  /** Calls `fn` once, never before `atMs` (epoch ms). Returns what calls it off. */
  wake(atMs: number, fn: () => void): () => void
  /** Time that passed, in ms from any beginning: nobody can set it. */
  elapsed(): number
  /** Calls `fn` once so much time has passed. Returns what calls it off. */
  after(ms: number, fn: () => void): () => void
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
  elapsed: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, Math.min(ms, timeoutMsMax))
    return () => clearTimeout(timer)
  },
  soon: (fn) => void setImmediate(fn),
}

/** A clock that goes by the time that passes, from where the wall clock was last believed. */
export interface SteadyClock extends Clock {
  /** The wall clock was looked at and is right: from now on it goes from there. */
  follow(): void
}

/**
 * Whoever sets the wall clock must not set a host's: an hour too early stands in every timer that
 * was recorded meanwhile, and an interval measured by it may take an hour.
 */
export function steadyClock(wall: Clock): SteadyClock {
  let ahead = wall.now() - wall.elapsed()
  const now = (): number => Math.floor(wall.elapsed() + ahead)
  const { elapsed, after, soon } = wall
  return {
    now,
    elapsed,
    after,
    soon,
    wake(atMs, fn) {
      let cancel = arm()
      return () => cancel()

      function arm(): () => void {
        return after(Math.max(0, atMs - now()), due)
      }
      function due(): void {
        // Timers of Node may be early by a millisecond, and end after 25 days.
        if (now() < atMs) cancel = arm()
        else fn()
      }
    },
    follow() {
      ahead = wall.now() - wall.elapsed()
    },
  }
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

  const wake: Clock['wake'] = (atMs, fn) => {
    const one = { at: atMs, order: order++, fn }
    wakes.add(one)
    return () => wakes.delete(one)
  }

  return {
    now: () => now,
    wake,
    elapsed: () => now,
    after: (ms, fn) => wake(now + ms, fn),
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

/** Waits for something, but not for longer than this. */
export async function within(clock: Clock, ms: number, done: Promise<unknown>): Promise<void> {
  const enough = new AbortController()
  try {
    await Promise.race([done, sleepUntil(clock, clock.now() + ms, enough.signal)])
  } finally {
    enough.abort()
  }
}
