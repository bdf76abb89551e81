import type { Projection } from './projection.ts'

/** One row per dispatch, as it is now: what lists, filters and searches look at. */
export const dispatchIndex: Projection = {
  tables: ['dispatch'],
  fold: (_entry, _place, moves) => moves.map(({ after }) => ({ table: 'dispatch', row: after })),
}
