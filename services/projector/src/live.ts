import { type Subjects } from '@waybill/log'
import { type FoldedBundle, type LiveBundle, liveOf } from '@waybill/projections'

export interface LiveOptions {
  readonly subjects: Pick<Subjects, 'live'>
  readonly publish: (subject: string, bytes: Uint8Array) => void
  /** Of one message; asked anew, since a reconnect may lead to another server. */
  readonly bytesMax: () => number
  /** Bundles up to here were there before this process: others told of them. */
  readonly horizon: number
}

const encoder = new TextEncoder()

/**
 * Tells watchers of a bundle. Called once per bundle, in the order of the journal, after its rows
 * are committed: whoever hears of a transition can read it.
 */
export function createLive({ subjects, publish, bytesMax, horizon }: LiveOptions) {
  return (bundle: FoldedBundle): void => {
    if (bundle.seq <= horizon) return
    const { app, slot } = bundle.header
    publish(subjects.live(app, slot), fitted(liveOf(bundle), bytesMax()))
  }
}

/** Halves what it tells until the message fits, and says how much it left out. */
function fitted(live: LiveBundle, bytesMax: number): Uint8Array {
  const bytes = encoder.encode(JSON.stringify(live))
  const { length } = live.transitions
  if (bytes.length <= bytesMax || length === 0) return bytes
  const kept = live.transitions.slice(0, Math.floor(length / 2))
  return fitted({ ...live, transitions: kept, more: live.more + length - kept.length }, bytesMax)
}
