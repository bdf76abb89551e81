import type { AsOf } from '@waybill/api'
import type { LiveBundle } from '@waybill/projections'
import { createRing, type Ring } from './ring.ts'

export interface LiveStatus {
  /** To NATS, and to a projector that answers. */
  readonly connected: boolean
  /** Bundles that are in the journal and not in the rows yet. */
  readonly behind: number
  readonly asOf: AsOf
  readonly why?: string
}

export interface FeedListener {
  /** Each bundle once, in the order of the journal. */
  onBundle(bundle: LiveBundle): void
  /** Bundles were missed that are not to be had any more. */
  onReset(why: string): void
  onStatus(status: LiveStatus): void
}

/** The newest bundles and how things are, with those who are told of both. */
export interface Board {
  readonly ring: Ring
  status(): LiveStatus
  push(bundle: LiveBundle): void
  /** What lies between the last bundle and this sequence is not to be had. */
  reset(seq: number, why: string): void
  /** What is left out is as it was. */
  tell(status: Pick<LiveStatus, 'connected' | 'why'> & Partial<LiveStatus>): void
  /** Undefined: some after this sequence are not kept. */
  listen(seq: number, listener: FeedListener): Disposable | undefined
}

export function createBoard(): Board {
  const listeners = new Set<FeedListener>()
  const ring = createRing(0)
  let status: LiveStatus = { connected: false, behind: 0, asOf: {}, why: 'starting' }
  return {
    ring,
    status: () => status,
    push(bundle) {
      ring.push(bundle)
      for (const listener of listeners) listener.onBundle(bundle)
    },
    reset(seq, why) {
      ring.skipTo(seq)
      for (const listener of listeners) listener.onReset(why)
    },
    tell({ behind = status.behind, asOf = status.asOf, ...rest }) {
      status = { ...rest, behind, asOf }
      for (const listener of listeners) listener.onStatus(status)
    },
    listen(seq, listener) {
      const kept = ring.after(seq)
      if (kept === undefined) return undefined
      for (const bundle of kept) listener.onBundle(bundle)
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
  }
}
