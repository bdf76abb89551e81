import { decode, parseId, waybillEvent, type InputRef } from '@waybill/core'
import type { Invariant } from '@waybill/history'
import { decodeBatch, streamNames, type EventLog, type Stored, type Topology } from '@waybill/log'

interface Known {
  readonly log: Pick<EventLog, 'get'>
  readonly topology: Topology
  readonly lost: readonly Stored[]
}

interface Aside {
  readonly slot: number
  readonly ref: InputRef
  readonly reason: string
}

/** An event is put aside only where it is no event, or where hosts died of it again and again. */
export const putAside = ({ log, topology, lost }: Known): Invariant => ({
  name: 'put-aside',
  law: 'I1',
  holds: 'what is an event is not put aside, unless hosts died of it again and again',
  of: 'history',
  watch() {
    const aside: Aside[] = []
    return {
      entry({ id: { slot }, entry: { input } }) {
        if (input.kind !== 'quarantined' || !input.ref) return
        if (input.ref.stream !== streamNames(topology).events) return
        if (input.reason.includes('epochs ended here')) return
        aside.push({ slot, ref: input.ref, reason: input.reason })
      },
      async end(complain) {
        if (lost.length > 0) return
        for (const one of aside) {
          if (!(await isEvent(log, one))) continue
          complain('event.aside', `an event is put aside: ${one.reason}`, { slot: one.slot })
        }
      },
    }
  },
})

async function isEvent(log: Known['log'], { ref, slot }: Aside): Promise<boolean> {
  const stored = await log.get(ref.stream, ref.seq)
  const item = stored && decodeBatch(stored.bytes)[ref.index]
  const event = item && waybillEvent.safeParse(decode(item))
  return event?.success === true && parseId(event.data.id)?.slot === slot
}
