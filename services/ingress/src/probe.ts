import { encode } from '@waybill/core'
import { type EventLog, streamNames, subjects, type Topology } from '@waybill/log'
import type { HealthProbe } from '@waybill/service'
import type { Door } from './door.ts'

export interface ProbeOptions {
  readonly log: EventLog
  readonly topology: Topology
  readonly door: Pick<Door, 'last'>
  readonly now: () => number
}

/** An answer this old still says what is true now. */
const freshMs = 10_000
/** One small message; while events flow there are none. */
const probeEveryMs = 30_000

/**
 * Can an event be stored now? Real traffic says it best and costs nothing. Only an idle door
 * writes for the question alone: a full disk shows in no other way than by a write that is never
 * acknowledged. It writes to OPS, which shares the disk with the events but not their readers.
 */
export function writeProbe({ log, topology, door, now }: ProbeOptions): HealthProbe {
  const { last } = door
  const subject = subjects(topology).op('probe')
  const events = streamNames(topology).events
  let probedAt = -Infinity

  return {
    name: 'log',
    everyMs: 2000,
    timeoutMs: 3000,
    async probe(signal) {
      const at = now()
      if (last.storedAt >= last.failedAt && at - last.storedAt < freshMs) return
      if (last.failedAt > last.storedAt && at - last.failedAt < freshMs) throw new Error(last.why)
      await log.info(events)
      if (at - probedAt < probeEveryMs) return
      await log.send(subject, encode({ v: 1, kind: 'probe', at }), signal)
      probedAt = at
    },
  }
}
