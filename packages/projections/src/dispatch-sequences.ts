import type { Projection } from './projection.ts'

/**
 * Where a dispatch's history lies in the journal. The history itself is not copied: it is read
 * from the journal and checked against its hash chain, so it cannot say anything else.
 */
export const dispatchSequences: Projection = {
  tables: ['dispatch_sequence'],
  fold: (_entry, { seq }, moves) =>
    moves.map(({ after }) => ({ table: 'dispatch_sequence', row: { number: after.number, seq } })),
}
