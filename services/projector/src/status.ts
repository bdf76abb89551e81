import type { Answer } from '@waybill/api'
import type { HealthProbe } from '@waybill/service'
import type { Projector, ProjectorStatus } from '@waybill/projections'

type Row = Answer<'projection.status'>['projections'][number]

/** All projections are folded together, so they are all as far. */
const projection = 'read-store'

/**
 * The stream as a whole, then its partitions: one that is not halted has been folded as far as the
 * stream has been read, whether or not there was anything of it.
 */
export function statusOf({ stream, applied, head, partitions, halted }: ProjectorStatus): Row[] {
  const at = Math.max(0, ...partitions.map((one) => one.at))
  const stopped = new Set(halted.map(({ app, generation, slot }) => `${app}/${generation}/${slot}`))
  return [
    { projection, stream, applied, head, ...(at > 0 && { at }) },
    ...partitions.map((one): Row => {
      const { app, generation, slot } = one
      const reached = stopped.has(`${app}/${generation}/${slot}`) ? one.seq : applied
      return {
        projection,
        partition: { app, generation, slot },
        stream,
        applied: reached,
        head,
        at: one.at,
      }
    }),
  ]
}

/** Rows that are old and look new mislead: a halted partition makes the whole of it not ready. */
export function nothingHalted(projector: Projector): HealthProbe {
  return {
    name: 'partitions',
    everyMs: 1000,
    probe() {
      const [first, ...more] = projector.status().halted
      if (!first) return
      const others = more.length === 0 ? '' : `, and ${more.length} more`
      throw new Error(`${first.app}/${first.slot} is halted${others}: ${first.cause.message}`)
    },
  }
}

/** Up to the leader's last sequence as of the start; from then on being behind is load, not absence. */
export function caughtUp(projector: Projector): HealthProbe {
  return {
    name: 'journal',
    everyMs: 250,
    async probe() {
      const { applied } = await projector.look()
      if (applied >= projector.horizon) return
      throw new Error(`folded ${applied} of ${projector.horizon} messages that were there`)
    },
  }
}
