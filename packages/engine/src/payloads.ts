import type { DispatchOrigin, WaybillEvent } from '@waybill/core'

/**
 * Events as they were read, for the attempts that are about to need them. Bounded by their encoded
 * size, oldest out first: what is not here is read from the log again.
 */
export interface Payloads {
  /** `uses`: how many dispatches it started. */
  keep(event: WaybillEvent, at: Omit<Kept, 'event'>): void
  find(origin: DispatchOrigin): WaybillEvent | undefined
  /** One of the dispatches that it started is over. */
  drop(event: string): void
}

interface Kept {
  readonly event: WaybillEvent
  readonly stream: string
  readonly seq: number
  readonly index: number
  readonly size: number
  uses: number
}

export function createPayloads(bytesMax: number): Payloads {
  const kept = new Map<string, Kept>()
  let bytes = 0

  function remove(id: string, { size }: Kept): void {
    kept.delete(id)
    bytes -= size
  }

  return {
    keep(event, at) {
      const before = kept.get(event.id)
      if (before) remove(event.id, before)
      kept.set(event.id, { event, ...at })
      bytes += at.size
      for (const [id, oldest] of kept) {
        if (bytes <= bytesMax) return
        remove(id, oldest)
      }
    },
    find({ event: id, ref }) {
      const found = kept.get(id)
      const same =
        found?.stream === ref.stream && found.seq === ref.seq && found.index === ref.index
      return same ? found.event : undefined
    },
    drop(id) {
      const found = kept.get(id)
      if (found && --found.uses <= 0) remove(id, found)
    },
  }
}
