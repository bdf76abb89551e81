import type { LiveBundle, LiveTransition } from '@waybill/projections'
import { dim, type Output } from '../output.ts'
import { createWriter } from './fold.ts'
import type { LiveStep } from './line.ts'
import { listen, type LiveSource } from './source.ts'

export interface TailFilter {
  readonly app?: string | undefined
  /** Binding id, or one version of it. */
  readonly binding?: string | undefined
  /** States that transitions lead to. */
  readonly states?: readonly string[] | undefined
}

/** One line per transition, until the signal ends it. */
export async function tailLive(
  out: Output,
  source: LiveSource,
  filter: TailFilter,
  signal: AbortSignal,
): Promise<void> {
  using heard = await listen(source, filter.app, signal)
  using writer = createWriter(out)
  out.say(dim('waiting for transitions; Ctrl-C ends it'))
  const since = createSince()
  const gaps = createGaps()
  for await (const bundle of heard) {
    const missed = gaps(bundle)
    if (missed > 0) out.say(dim(`… ${missed} bundles of ${bundle.app}/${bundle.slot} were missed`))
    const { app, slot, seq } = bundle
    for (const transition of bundle.transitions) {
      const step: LiveStep = { ...transition, app, slot, seq, sinceMs: since(transition) }
      if (isWanted(filter, transition)) writer.write(step)
    }
    if (bundle.more > 0) out.say(dim(`… ${bundle.more} more transitions of ${app}/${slot}`))
  }
}

function isWanted({ binding, states }: TailFilter, transition: LiveTransition): boolean {
  if (states && !states.includes(transition.to)) return false
  if (binding === undefined) return true
  return transition.binding === binding || transition.binding.startsWith(`${binding}@`)
}

/** How many bundles of the partition were not heard of since the one before. */
function createGaps(): (bundle: LiveBundle) => number {
  const last = new Map<string, number>()
  return ({ app, slot, number }) => {
    const key = `${app}/${slot}`
    const missed = number - (last.get(key) ?? number - 1) - 1
    last.set(key, number)
    return Math.max(0, missed)
  }
}

/** Open dispatches that were seen; beyond this the oldest are forgotten. */
const knownMax = 100_000

/** The time since the dispatch's transition before, when we saw that one. */
function createSince(): (transition: LiveTransition) => number | undefined {
  const last = new Map<string, number>()
  return ({ dispatch, at }) => {
    const before = last.get(dispatch)
    last.delete(dispatch)
    last.set(dispatch, at)
    const [oldest] = last.size > knownMax ? last.keys() : []
    if (oldest !== undefined) last.delete(oldest)
    return before === undefined ? undefined : at - before
  }
}
