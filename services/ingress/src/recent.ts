/** What this process knows of an event that it stored, or is storing. */
export interface Recent {
  /** Tells the same event sent twice from another one under the same id. */
  readonly digest: string
  /** Epoch ms. */
  readonly at: number
  /** Resolves with its stream sequence once the log has it. */
  readonly stored: Promise<number>
}

export interface RecentEvents {
  find(id: string, now: number): Recent | undefined
  add(id: string, event: Recent): void
}

/**
 * A courtesy: a sender that repeats itself is told so, and the log is spared. It forgets on
 * restart, knows nothing of other instances, and drops the least recently used: that an event is
 * dispatched once rests on the dedupe of its partition alone.
 */
export function createRecentEvents({ max = 50_000, keptMs = 24 * 3_600_000 } = {}): RecentEvents {
  const known = new Map<string, Recent>()

  function forgetOldest(): void {
    const [oldest] = known.keys()
    if (oldest !== undefined) known.delete(oldest)
  }

  return {
    find(id, now) {
      const found = known.get(id)
      if (found === undefined) return undefined
      known.delete(id)
      if (now - found.at >= keptMs) return undefined
      known.set(id, found)
      return found
    },
    add(id, event) {
      if (known.size >= max) forgetOldest()
      known.set(id, event)
      // What could not be stored was never here. A rejection is told to whoever sent the event.
      event.stored.catch(() => {
        if (known.get(id) === event) known.delete(id)
      })
    },
  }
}
