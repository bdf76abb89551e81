import { lanes as mailLanes, streamNames, subjects, type Topology } from '@waybill/log'
import { sharedApp, type PartitionId } from '@waybill/core'

/** A message, and the item in it. */
export interface EventPlace {
  readonly seq: number
  readonly index: number
}

/** What a partition read of one lane, in the order it read it. */
export interface Reads {
  readonly seqs: number[]
  readonly indexes: number[]
  readonly hashes: string[]
}

/** A flow of inputs into a partition, with a position of its own. */
export interface Lane {
  readonly name: 'events' | 'ask' | 'answer' | 'defs'
  readonly stream: string
  /** Under which the partition keeps how far it has read. */
  readonly position: string
  readonly subject: string
}

export function lanesOf(topology: Topology, { app, slot }: PartitionId): readonly Lane[] {
  const names = streamNames(topology)
  const of = subjects(topology)
  const events = { name: 'events' as const, stream: names.events, position: names.events }
  return [
    // No event is the business of the ledgers that all apps share.
    ...(app === sharedApp ? [] : [{ ...events, subject: of.events(slot) }]),
    ...mailLanes.map((name) => ({
      name,
      stream: names.mail,
      position: `${names.mail}.${name}`,
      subject: of.mailbox(app, slot, name),
    })),
    { name: 'defs', stream: names.defs, position: names.defs, subject: of.def(app) },
  ]
}
