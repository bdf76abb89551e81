import type { Folded, Projector } from '@waybill/projections'
import type { Metrics } from '@waybill/service'

const lagBounds = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300]

/** How far the rows are behind, in messages and in time. */
export function watchFold(
  metrics: Metrics,
  { now, projector }: { readonly now: () => number; readonly projector: () => Projector },
): (folded: Folded) => void {
  metrics.gauge(
    'waybill_projection_behind_messages',
    'Journal messages that are known of and not in the rows yet',
    () => {
      const { head, applied } = projector().status()
      return head - applied
    },
  )
  metrics.gauge(
    'waybill_projection_halted_partitions',
    'Partitions that are not folded any further',
    () => projector().status().halted.length,
  )
  const bundles = metrics.counter('waybill_projection_bundles_total', 'Bundles folded')
  const moves = metrics.counter('waybill_projection_transitions_total', 'Transitions folded')
  const lag = metrics.histogram(
    'waybill_projection_lag_seconds',
    'From a bundle being stored to its rows being readable, by two clocks',
    lagBounds,
  )
  return (folded) => {
    const [first] = folded.bundles
    if (!first) return
    bundles.add({}, folded.bundles.length)
    moves.add(
      {},
      folded.bundles.reduce((sum, { entries }) => sum + movesIn(entries), 0),
    )
    // The oldest of a batch waited longest.
    lag.observe(Math.max(0, now() - first.at) / 1000)
  }
}

const movesIn = (entries: Folded['bundles'][number]['entries']): number =>
  entries.reduce((sum, { moves }) => sum + moves.length, 0)
