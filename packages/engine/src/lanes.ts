import type { Letter } from '@waybill/core'
import { streamNames, subjects, type Topology } from '@waybill/log'

export type LaneName = 'events' | 'ask' | 'answer' | 'defs'

/** A flow of inputs into partitions, read in its own time and with a position of its own. */
export interface Lane {
  readonly name: LaneName
  readonly stream: string
  /** Under which a partition keeps its position; the lanes of MAIL are read at different paces. */
  readonly position: string
  /** Held back while the process has no room. What answers earlier work never is. */
  readonly credited: boolean
  /** Undefined: every partition of the app reads it. */
  slotOf(subject: string): number | undefined
  subject(slot: number): string
}

export type Lanes = { readonly [K in LaneName]: Lane }

export function lanesOf(topology: Topology, app: string): Lanes {
  const names = streamNames(topology)
  const of = subjects(topology)
  const mail = (lane: 'ask' | 'answer'): Omit<Lane, 'name' | 'credited'> => ({
    stream: names.mail,
    position: `${names.mail}.${lane}`,
    slotOf: (subject) => Number(subject.split('.')[4]),
    subject: (slot) => of.mailbox(app, slot, lane),
  })
  return {
    events: {
      name: 'events',
      stream: names.events,
      position: names.events,
      credited: true,
      slotOf: (subject) => Number(subject.slice(subject.lastIndexOf('.') + 1)),
      subject: of.events,
    },
    ask: { name: 'ask', credited: true, ...mail('ask') },
    answer: { name: 'answer', credited: false, ...mail('answer') },
    defs: {
      name: 'defs',
      stream: names.defs,
      position: names.defs,
      credited: false,
      slotOf: () => undefined,
      subject: () => of.def(app),
    },
  }
}

/** The stream behind a position's name: `MAIL_g1` for `MAIL_g1.ask`. */
export const streamOf = (position: string): string => position.split('.')[0] ?? position

/** The lane of MAIL that a position names; undefined: it is no mail. */
export const laneOf = (position: string): string | undefined => position.split('.')[1]

/** What begins work waits while there is no room for it; what ends work never does. */
export const laneOfLetter: { readonly [K in Letter['body']['kind']]: 'ask' | 'answer' } = {
  cancel: 'answer',
  redrive: 'ask',
  rerun: 'ask',
  discard: 'answer',
  reserve: 'ask',
  release: 'answer',
  granted: 'answer',
  waiting: 'answer',
  refused: 'answer',
  deferred: 'answer',
  revoke: 'answer',
  outcome: 'answer',
  circuitState: 'answer',
  circuit: 'answer',
}
