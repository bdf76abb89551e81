import type { LiveBundle, LiveTransition } from '@waybill/projections'

export interface PaceOptions {
  readonly perSecond: number
  readonly now: () => number
  /** `place`: everything up to this sequence has been told, so one can go on from there. */
  readonly tell: (bundle: LiveBundle, place: number | undefined) => void
}

/** Lets bundles through as they come, until they come too fast for anybody to see. */
export interface Pace extends Disposable {
  take(bundle: LiveBundle): void
  /** Nothing waits. */
  isIdle(): boolean
}

const flushMs = 100
/** Dispatches whose last state waits to be told; of more than this the oldest are left out. */
const waitingMax = 5000

/** What waits of one partition. */
interface Waiting {
  newest: LiveBundle
  readonly transitions: Map<string, LiveTransition>
  entries: number
  leftOut: number
}

/**
 * Beyond the rate, only the last state of each dispatch is told, ten times a second, with a count
 * of what was left out (`more`). Nothing is left out below it.
 */
export function createPace({ perSecond, now, tell }: PaceOptions): Pace {
  const waiting = new Map<string, Waiting>()
  let room = perSecond
  let filledAt = now()
  let timer: NodeJS.Timeout | undefined
  /** The last sequence that was taken. */
  let taken = 0

  function fill(): void {
    const at = now()
    room = Math.min(perSecond, room + ((at - filledAt) * perSecond) / 1000)
    filledAt = at
  }

  function flush(): void {
    timer = undefined
    fill()
    // Oldest first: who has had least said of it.
    const partitions = [...waiting.values()].sort((a, b) => a.newest.seq - b.newest.seq)
    const told = partitions.flatMap((partition) => {
      const bundle = takenFrom(partition, Math.floor(room))
      if (bundle === undefined) return []
      room -= bundle.transitions.length
      return [bundle]
    })
    for (const [key, { transitions }] of waiting) if (transitions.size === 0) waiting.delete(key)
    for (const [at, bundle] of told.entries()) {
      tell(bundle, waiting.size === 0 && at === told.length - 1 ? taken : undefined)
    }
    if (waiting.size > 0) timer = setTimeout(flush, flushMs)
  }

  return {
    take(bundle) {
      taken = bundle.seq
      fill()
      if (waiting.size === 0 && bundle.transitions.length <= room) {
        room -= bundle.transitions.length
        return tell(bundle, taken)
      }
      keep(waiting, bundle)
      timer ??= setTimeout(flush, flushMs)
    },
    isIdle: () => waiting.size === 0,
    [Symbol.dispose]() {
      clearTimeout(timer)
    },
  }
}

function keep(waiting: Map<string, Waiting>, bundle: LiveBundle): void {
  const key = `${bundle.app}/${bundle.slot}`
  const fresh = { newest: bundle, transitions: new Map(), entries: 0, leftOut: 0 }
  const own: Waiting = waiting.get(key) ?? fresh
  waiting.set(key, own)
  own.newest = bundle
  own.entries += bundle.entries
  own.leftOut += bundle.more
  for (const transition of bundle.transitions) {
    // It keeps its place: whoever moves all the time would otherwise never be told of.
    if (own.transitions.has(transition.dispatch)) own.leftOut += 1
    own.transitions.set(transition.dispatch, transition)
  }
  const sizes = [...waiting.values()].reduce((sum, { transitions }) => sum + transitions.size, 0)
  for (const id of [...own.transitions.keys()].slice(0, Math.max(0, sizes - waitingMax))) {
    own.transitions.delete(id)
    own.leftOut += 1
  }
}

/** Undefined: there is no room for any of it. */
function takenFrom(own: Waiting, most: number): LiveBundle | undefined {
  const chosen = [...own.transitions].slice(0, most)
  if (chosen.length === 0 && own.transitions.size > 0) return undefined
  for (const [id] of chosen) own.transitions.delete(id)
  const transitions = chosen.map(([, transition]) => transition)
  const bundle = { ...own.newest, entries: own.entries, transitions, more: own.leftOut }
  own.entries = 0
  own.leftOut = 0
  return bundle
}
