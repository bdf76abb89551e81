import { deadLetters } from './dead-letters.ts'
import { definitions } from './definitions.ts'
import { dispatchIndex } from './dispatch-index.ts'
import { dispatchSequences } from './dispatch-sequences.ts'
import { eventVerdicts } from './event-verdicts.ts'
import type { Projection } from './projection.ts'
import { statistics } from './statistics.ts'

/** All read models that are kept in rows. Action graphs are made when they are asked for. */
export const projections = {
  'dispatch-index': dispatchIndex,
  'dispatch-sequences': dispatchSequences,
  'dead-letters': deadLetters,
  'event-verdicts': eventVerdicts,
  definitions,
  statistics,
} satisfies Record<string, Projection>
