import { statSync } from 'node:fs'
import type { Load } from '../load.ts'
import type { Stack } from '../stack.ts'

export interface Stalls {
  /** Between two acknowledgements of events. */
  acknowledgedMs: number
  /** Between two lines of the handlers' own file. */
  handledMs: number
}

export interface StallWatch {
  stop(): Readonly<Stalls>
}

const lookEveryMs = 20

/** How long nothing at all went on, at most. Only for while the load runs. */
export function watchStalls({ effects }: Pick<Stack, 'effects'>, load: Load): StallWatch {
  const longest: Stalls = { acknowledgedMs: 0, handledMs: 0 }
  const watched = {
    acknowledgedMs: since(() => load.acknowledged.size),
    handledMs: since(() => statSync(effects, { throwIfNoEntry: false })?.size ?? 0),
  }
  const look = (): void => {
    for (const what of ['acknowledgedMs', 'handledMs'] as const) {
      longest[what] = Math.max(longest[what], Math.round(watched[what]()))
    }
  }
  const timer = setInterval(look, lookEveryMs)
  return {
    stop() {
      clearInterval(timer)
      return longest
    },
  }
}

export const longerOf = (a: Readonly<Stalls> | undefined, b: Readonly<Stalls>): Stalls => ({
  acknowledgedMs: Math.max(a?.acknowledgedMs ?? 0, b.acknowledgedMs),
  handledMs: Math.max(a?.handledMs ?? 0, b.handledMs),
})

/** For how long it has been the same. */
function since(count: () => number): () => number {
  let last = { count: count(), at: performance.now() }
  return () => {
    const now = { count: count(), at: performance.now() }
    const sameMs = now.at - last.at
    if (now.count !== last.count) last = now
    return sameMs
  }
}
